// SPDX-License-Identifier: Apache-2.0
#include "invocation.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>

#include "operation/request.hpp"
#include "setup/format.hpp"
#include "spelling.hpp"

namespace remote_access {
namespace {

constexpr int kUsageError = 2;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    return text;
}

/// The proxy's password leaves /proc/PID/environ of this process and of those it forks.
void hide_password(std::string_view name, char* value) {
    if (lower(std::string(name)) == "tedge_proxy_password")
        explicit_bzero(value, std::strlen(value));
}

std::map<std::string, std::string> tedge_environment() {
    constexpr std::string_view kPrefix = "TEDGE_";
    std::map<std::string, std::string> found;
    for (char** one = environ; *one != nullptr; ++one) {
        const std::string_view entry = *one;
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos || entry.substr(0, kPrefix.size()) != kPrefix)
            continue;
        const std::string name(entry.substr(0, equals));
        if (name == "TEDGE_CONFIG_DIR" || name == "TEDGE_CLOUD_PROFILE") continue;
        found.emplace(name, entry.substr(equals + 1));
        hide_password(name, *one + equals + 1);
    }
    return found;
}

/// One byte more than the limit is enough for the parser to see that it is too long.
std::string read_standard_input() {
    std::string text;
    char buffer[4096];
    while (text.size() <= kPayloadLimit) {
        const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (count <= 0) break;
        text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
}

struct Options {
    std::string payload, config_dir, profile, log_level;
    std::string format, user, group, unit_drop_ins;
    PolicyOptions policy;
    SessionsOptions sessions;
    CheckOptions check;
    bool boot = false;
    bool debug = false;
};

void declare_setup(CLI::App& app, Options& options) {
    CLI::App* setup =
        app.add_subcommand("setup", "put the operation file in place, declare the protocols");
    setup->fallthrough();
    setup->add_option("--format", options.format, "of the operation: smartrest or json")
        ->option_text("FORMAT")
        ->check(CLI::IsMember({"smartrest", "json"}));
    setup->add_option("--user", options.user, "owner of the files [system.toml, tedge]")
        ->type_name("NAME");
    setup->add_option("--group", options.group, "their group [system.toml, tedge]")
        ->type_name("NAME");
    setup
        ->add_option("--c8y-profile", options.profile,
                     "declare the protocols for this profile only [all]")
        ->type_name("NAME");
    setup->add_flag("--boot", options.boot,
                    "only fail what a restart left EXECUTING; exit 3: not yet");
    setup->add_option("--unit-drop-ins", options.unit_drop_ins)->type_name("DIR")->group("");
}

void declare_policy(CLI::App& app, Options& options) {
    CLI::App* policy = app.add_subcommand("policy", "explain what the device owner's rules allow");
    policy->fallthrough()->require_subcommand(1);
    CLI::App* show = policy->add_subcommand("show", "print the rules and what they mean here");
    CLI::App* test =
        policy->add_subcommand("test", "is HOST, by each of its addresses, allowed on PORT?");
    for (CLI::App* one : {show, test}) {
        one->fallthrough();
        one->add_flag("--json", options.policy.json, "for programs");
    }
    test->add_option("HOST", options.policy.host, "name or address")->required();
    test->add_option("PORT", options.policy.port, "1 to 65535")->required();
    test->callback([&options] { options.policy.test = true; });
}

void declare_sessions(CLI::App& app, Options& options) {
    CLI::App* sessions = app.add_subcommand("sessions", "list the sessions there are, or end one");
    sessions->fallthrough()->require_subcommand(0, 1);
    sessions->add_flag("--json", options.sessions.json, "for programs");
    sessions->add_flag("--watch", options.sessions.watch, "again every second");
    CLI::App* end = sessions->add_subcommand("end", "end a session: 1001 to the cloud");
    end->fallthrough();
    end->add_option("ID", options.sessions.end, "as in the list and in the log")
        ->required()
        ->check([](const std::string& id) { return id.empty() ? "ID is empty" : ""; });
}

void declare_check(CLI::App& app, Options& options) {
    CLI::App* check = app.add_subcommand("check", "find out why it does not work, and what to do");
    check->fallthrough();
    check->footer("Exit status: 0 a session can be served; 1 it cannot.\n" + check->get_footer());
    check->add_option("--target", options.check.target, "reach this service as well")
        ->type_name("HOST:PORT");
    check->add_flag("--json", options.check.json, "for programs");
}

void declare(CLI::App& app, Options& options) {
    constexpr std::size_t kColumn = 23;  // 80 columns are enough for all that follows
    app.get_formatter()->column_width(kColumn);
    app.footer("The options of `c8y-remote-access-connect --help` hold here too.");  // inherited
    app.set_version_flag("-V,--version", "c8y-remote-access-connect " REMOTE_ACCESS_VERSION);
    app.add_option("PAYLOAD", options.payload,
                   "the operation (SmartREST or JSON); -: on standard input");
    app.add_option("--config-dir", options.config_dir,
                   "thin-edge's configuration folder [/etc/tedge]")
        ->type_name("DIR");
    app.add_option("--profile", options.profile, "thin-edge's Cumulocity profile")
        ->type_name("NAME");
    app.add_option("--log-level", options.log_level, "error, warn, info, debug or trace")
        ->option_text("LEVEL")
        ->check(CLI::IsMember({"error", "warn", "info", "debug", "trace"}));
    app.add_flag("--debug", options.debug, "the same as --log-level debug");
    // systemd's: serves one session on the socket that was accepted. Not for people.
    app.add_subcommand("session", "")->fallthrough()->group("");
    declare_setup(app, options);
    app.add_subcommand("teardown", "take our operation file and the run folder away")
        ->fallthrough();
    declare_policy(app, options);
    declare_sessions(app, options);
    declare_check(app, options);
    app.require_subcommand(0, 1);
    app.footer(
        "Exit status: 0 done; 1 failed (an operation: FAILED was published);\n"
        "2 usage error, nothing was published; 3 the status could not be published.");
}

/// CLI11 would repeat what it does not expect, and that may be a payload with its key.
std::string usage_error(const CLI::ParseError& error) {
    const bool extras = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    const std::string what = extras ? "an option or argument is not known" : error.what();
    return "c8y-remote-access-connect: " + what + "\nTry 'c8y-remote-access-connect --help'.\n";
}

/// Nothing, or the error for a word that is a command with a slip of the finger.
std::string mistyped(const CLI::App& app, const std::string& payload) {
    if (payload == "-") return {};
    std::vector<std::string> commands;
    for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
    const std::string meant = name_meant(payload, commands);
    return meant.empty() ? meant
                         : "c8y-remote-access-connect: there is no such command; '" + meant +
                               "' is one\nTry 'c8y-remote-access-connect --help'.\n";
}

void overwrite(int argc, char** argv, const std::string& payload) {
    for (int i = 1; i < argc; ++i) {
        if (!payload.empty() && payload == argv[i]) explicit_bzero(argv[i], std::strlen(argv[i]));
    }
}

std::string first_of(const std::string& a, const std::string& b, const char* otherwise) {
    if (!a.empty()) return a;
    return !b.empty() ? b : otherwise;
}

Invocation::Command command_of(const CLI::App& app) {
    if (app.got_subcommand("session")) return Invocation::Command::kSession;
    if (app.got_subcommand("setup")) return Invocation::Command::kSetup;
    if (app.got_subcommand("teardown")) return Invocation::Command::kTeardown;
    if (app.got_subcommand("policy")) return Invocation::Command::kPolicy;
    if (app.got_subcommand("sessions")) return Invocation::Command::kSessions;
    if (app.got_subcommand("check")) return Invocation::Command::kCheck;
    return Invocation::Command::kConnect;
}

}  // namespace

std::variant<Invocation, Farewell> read_invocation(int argc, char** argv) {
    CLI::App app("Device side of Cumulocity Cloud Remote Access for thin-edge.io.",
                 "c8y-remote-access-connect");
    Options options;
    declare(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return Farewell{0, app.help()};
    } catch (const CLI::CallForVersion& version) {
        return Farewell{0, std::string(version.what()) + "\n"};
    } catch (const CLI::ParseError& error) {
        return Farewell{kUsageError, usage_error(error)};
    }
    Invocation invocation;
    invocation.command = command_of(app);
    const bool connects = invocation.command == Invocation::Command::kConnect;
    if (connects != (app.count("PAYLOAD") > 0))
        return Farewell{kUsageError,
                        "c8y-remote-access-connect: one PAYLOAD or command is needed\n"
                        "Try 'c8y-remote-access-connect --help'.\n"};
    if (const std::string error = mistyped(app, options.payload); connects && !error.empty())
        return Farewell{kUsageError, error};
    overwrite(argc, argv, options.payload);
    invocation.payload = Secret(options.payload == "-" ? read_standard_input() : options.payload);
    wipe(options.payload);
    invocation.source.config_dir =
        first_of(options.config_dir, environment("TEDGE_CONFIG_DIR"), "/etc/tedge");
    invocation.source.profile =
        lower(first_of(options.profile, environment("TEDGE_CLOUD_PROFILE"), ""));
    invocation.source.tedge_env = tedge_environment();
    invocation.log_level = log::level_from_filter(environment("RUST_LOG"));
    if (options.debug) invocation.log_level = log::Level::kDebug;
    if (!options.log_level.empty()) invocation.log_level = log::level_from_name(options.log_level);
    invocation.setup = {format_from_name(options.format), options.user, options.group, options.boot,
                        options.unit_drop_ins};
    invocation.policy = options.policy;
    invocation.sessions = options.sessions;
    invocation.check = options.check;
    invocation.check.colour = environment("NO_COLOR").empty();
    invocation.timestamps = environment("INVOCATION_ID").empty();
    invocation.log_socket = environment("C8Y_REMOTE_ACCESS_LOG_SOCKET");
    return invocation;
}

}  // namespace remote_access
