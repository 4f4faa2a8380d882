// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "commands.hpp"
#include "config/operation_file.hpp"
#include "declaration.hpp"
#include "operation_place.hpp"
#include "say.hpp"
#include "session/run_folder.hpp"
#include "setup/format.hpp"
#include "setup/place.hpp"
#include "setup/unit_drop_ins.hpp"

namespace remote_access {
namespace {

constexpr int kDone = 0, kFailed = 1;

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

int set_up(const Config& config, const std::optional<OperationFormat>& flag) {
    const std::string path = operation_file_path(config);
    if (!config.owner.enabled) return withdraw(config, path);
    const std::optional<Owner> owner = owner_for(config);
    const OperationFileFound before = look_at_operation_file(path);
    const FormatChoice choice = choose_format({flag, config.owner.operation_format, before.format});
    const Result<Change> placed = place_operation(path, choice.format, owner);
    if (!placed) return fail({Fault::kOperationFile, path, placed.error().detail});
    explain(path, choice, *placed, before);
    // Without its user it would keep that out later.
    if (owner || !runs_as_root()) make_run_folder_for(config);
    declare_protocols(config);
    return kDone;
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
    Result<Config> config = load_device_config(invocation.source);
    if (!config) return fail(config.error());
    for (const std::string& warning : config->warnings) log::warn(warning);
    if (!invocation.setup.user.empty()) config->user = invocation.setup.user;
    if (!invocation.setup.group.empty()) config->group = invocation.setup.group;
    return set_up(*config, invocation.setup.format);
}

}  // namespace remote_access
