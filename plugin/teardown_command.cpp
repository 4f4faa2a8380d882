// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "commands.hpp"
#include "config/operation_file.hpp"
#include "operation_place.hpp"
#include "say.hpp"
#include "session/run_folder.hpp"

namespace remote_access {

int teardown_command(const Invocation& invocation) {
    log::set_sink(log::standard_error(invocation.timestamps));
    log::set_level(invocation.log_level.value_or(log::Level::kInfo));
    // Settings that cannot be read must not keep the program from being removed.
    const Config config = config_for_reporting(invocation.source);
    const std::string path = operation_file_path(config);
    const OperationFileFound found = look_at_operation_file(path);
    if (!found.there) say("There is no " + path + ".");
    if (found.there && !found.ours) say("Left " + path + " alone: it is another program's.");
    if (found.ours) {
        const Result<Change> removed = remove_file(path);
        if (!removed) {
            log::error(reason({Fault::kOperationFile, path, removed.error().detail}));
            return 1;
        }
        say("Removed " + path + ".");
    }
    for (const std::string& folder : remove_run_folder(config)) say("Removed " + folder + ".");
    return 0;
}

}  // namespace remote_access
