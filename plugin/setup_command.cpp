// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "commands.hpp"
#include "config/operation_file.hpp"
#include "declaration.hpp"
#include "leftovers.hpp"
#include "operation_place.hpp"
#include "say.hpp"
#include "session/run_folder.hpp"
#include "setup/file_look.hpp"
#include "setup/format.hpp"
#include "setup/place.hpp"
#include "setup/unit_drop_ins.hpp"

namespace remote_access {
namespace {

constexpr int kDone = 0, kFailed = 1;
constexpr int kRounds = 5;  // somebody who writes all the time is left to the next run

int fail(const Error& error) {
    log::error(reason(error));
    return kFailed;
}

/// The owner's switch holds for whoever wrote the file: the stock plugin's lets the cloud in too.
int withdraw(const Config& config, const std::string& path) {
    const Result<Change> removed = remove_file(path);
    if (!removed) return fail({Fault::kOperationFile, path, removed.error().detail});
    const std::string why =
        "Remote access is switched off (enabled = false in " + config.owner.path + "): ";
    say(why + (*removed == Change::kDone ? "removed " + path + "." : "there is no " + path + "."));
    return kDone;
}

Result<Change> place_operation(const std::string& path, OperationFormat format,
                               const std::optional<Owner>& owner) {
    // The folders as thin-edge makes them (`tedge init`).
    constexpr mode_t kFolderMode = 0775;
    const std::size_t slash = path.rfind('/');
    return place_file({path.substr(0, slash), path.substr(slash + 1), operation_text(format),
                       kFolderMode, owner});
}

void explain(const std::string& path, const FormatChoice& choice, Change change,
             const OperationFileFound& before) {
    const std::string name(format_name(choice.format));
    if (change == Change::kNone)
        say("Operation file " + path + " is right already (" + name + ").");
    else if (before.there && !before.ours)
        say("Replaced " + path + " of another program (" + name + ").");
    else
        say("Wrote " + path + " (" + name + ").");
    if (!choice.lasts)
        say("To keep this format whatever other packages write there, set operation_format = \"" +
            name + "\" in plugins/c8y-remote-access-connect.toml.");
}

void make_run_folder_for(const Config& config) {
    const Result<std::string> folder = make_run_folder(config);
    if (!folder) return log::warn(reason(folder.error()));
    say("Run folder: " + *folder + ".");
}

/// thin-edge is not on this device yet. Its packages own the operation file: one that is there
/// before them makes dpkg ask, and fail where nobody answers.
int nobody_to_serve(const Config& config, bool asked_for) {
    const std::string who = "user " + config.user + " or group " + config.group + " does not exist";
    if (asked_for) return fail({Fault::kOperationFile, operation_file_path(config), who});
    say("thin-edge.io is not installed (yet), " + who +
        ": nothing is written. Its installation runs this again.");
    return kDone;
}

/// `left` becomes what the operation file looks like when this is done with it.
int set_up(const Config& config, const SetupOptions& options, std::string& left) {
    const std::string path = operation_file_path(config);
    const std::optional<Owner> owner = owner_for(config);
    if (config.owner.enabled && runs_as_root() && !owner)
        return nobody_to_serve(config, !options.user.empty() || !options.group.empty());
    if (!config.owner.enabled) {
        const int status = withdraw(config, path);
        left = look_of_file(path);
        return status;
    }
    const OperationFileFound before = look_at_operation_file(path);
    const FormatChoice choice =
        choose_format({options.format, config.owner.operation_format, before.format});
    const Result<Change> placed = place_operation(path, choice.format, owner);
    if (!placed) return fail({Fault::kOperationFile, path, placed.error().detail});
    left = look_of_file(path);
    explain(path, choice, *placed, before);
    make_run_folder_for(config);
    declare_protocols(config);
    return kDone;
}

/// What systemd's path unit watches, except while it runs this command: a change is seen here then.
struct Looks {
    std::string settings, operation;
};

Looks look(const ConfigSource& source) {
    const std::string& folder = source.config_dir;
    return {look_of_file(folder + "/plugins/c8y-remote-access-connect.toml") + " " +
                look_of_file(folder + "/system.toml"),
            look_of_file(folder + kOperationFile)};
}

int set_up_once(const Invocation& invocation, Looks& seen) {
    seen = look(invocation.source);
    Result<Config> config = load_device_config(invocation.source);
    if (!config) return fail(config.error());
    for (const std::string& warning : config->warnings) log::warn(warning);
    if (!invocation.setup.user.empty()) config->user = invocation.setup.user;
    if (!invocation.setup.group.empty()) config->group = invocation.setup.group;
    return set_up(*config, invocation.setup, seen.operation);
}

/// No files but its own record: by thin-edge's user or by root.
int after_boot(const ConfigSource& source) {
    const Result<Config> config = load_device_config(source);
    if (!config) return fail(config.error());
    for (const std::string& warning : config->warnings) log::warn(warning);
    if (runs_as_root() && !owner_for(*config)) return nobody_to_serve(*config, false);
    return end_leftovers(*config);
}

/// For systemd's generator, which must never keep the device from booting: always 0.
int write_drop_ins(const Invocation& invocation) {
    const Result<Config> read = load_device_config(invocation.source);
    if (!read) log::warn(reason(read.error()));
    const Config rest = read ? Config() : config_for_reporting(invocation.source);
    const UnitDropIns made = unit_drop_ins(read ? *read : rest);
    for (const Error& error : made.refused) log::warn(reason(error));
    for (const UnitDropIn& one : made.files) {
        const std::string folder = invocation.setup.unit_drop_ins + "/" + one.folder;
        const Result<Change> done = one.content.empty()
                                        ? remove_file(folder + "/" + kDropInName)
                                        : place_file({folder, kDropInName, one.content, 0755, {}});
        if (!done) log::warn(reason(done.error()));
    }
    return kDone;
}

}  // namespace

int setup_command(const Invocation& invocation) {
    log::set_sink(log::standard_error(invocation.timestamps));
    log::set_level(invocation.log_level.value_or(log::Level::kInfo));
    if (!invocation.setup.unit_drop_ins.empty()) return write_drop_ins(invocation);
    if (invocation.setup.boot) return after_boot(invocation.source);
    for (int round = 1;; ++round) {
        Looks seen;
        const int status = set_up_once(invocation, seen);
        const Looks now = look(invocation.source);
        const bool same = now.settings == seen.settings && now.operation == seen.operation;
        if (same || round == kRounds) return status;
        log::info("settings or operation file have changed meanwhile: once more");
    }
}

}  // namespace remote_access
