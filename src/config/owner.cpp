// SPDX-License-Identifier: Apache-2.0
// <config-dir>/plugins/c8y-remote-access-connect.toml. Strict: this file is the device's policy,
// and a key that is not understood must not be taken for one that is not there.
#include <algorithm>
#include <string>
#include <utility>

#include "config/allow.hpp"
#include "config/config.hpp"
#include "config/forms.hpp"
#include "config/toml.hpp"

namespace remote_access {
namespace {

using Names = std::initializer_list<std::string_view>;

constexpr Milliseconds kSecond{1'000}, kMinute{60'000}, kHour{3'600'000}, kYear{31'536'000'000};

// Reads keys into values that hold their default; keeps the first error.
class OwnerFile {
public:
    explicit OwnerFile(std::string path) : path_(std::move(path)) {}

    // The children of `table` are these and no others.
    void only(const TomlNode& table, const std::string& prefix, Names names) {
        for (const TomlNode& child : table.children) {
            if (std::find(names.begin(), names.end(), child.key) == names.end())
                fail(child, prefix + child.key, "is unknown");
        }
    }

    // A table of the top level, checked; null where it is absent or no table.
    const TomlNode* table(const TomlNode& root, const std::string& name, Names names) {
        const TomlNode* node = root.find(name);
        if (!node) return nullptr;
        if (!node->table()) {
            fail(*node, name, "must be a table");
            return nullptr;
        }
        only(*node, name + ".", names);
        return node;
    }

    void flag(const TomlNode* table, std::string_view name, const std::string& key, bool& value) {
        const TomlNode* node = table ? table->find(name) : nullptr;
        if (!node) return;
        if (node->kind == TomlNode::Kind::kFlag)
            value = node->flag;
        else
            fail(*node, key, "must be true or false");
    }

    struct Range {
        Milliseconds low, high;
        bool zero = false;  // 0 too, for "never"
    };

    void duration(const TomlNode* table, std::string_view name, const std::string& key, Range range,
                  Milliseconds& value) {
        const TomlNode* node = table ? table->find(name) : nullptr;
        if (!node) return;
        const auto span = node->kind == TomlNode::Kind::kText ? parse_duration(node->text.reveal())
                                                              : std::nullopt;
        if (!span) return fail(*node, key, "must be a duration in quotes such as \"20s\"");
        if ((*span < range.low || *span > range.high) &&
            !(range.zero && *span == Milliseconds(0))) {
            return fail(*node, key,
                        std::string("must be ") + (range.zero ? "0s or " : "") + "from " +
                            format_duration(range.low) + " to " + format_duration(range.high));
        }
        value = *span;
    }

    void fail(const TomlNode& node, std::string_view key, std::string_view what) {
        keep(key_error(path_, node.line, key, what));
    }
    void keep(Error error) {
        if (!error_) error_ = std::move(error);
    }
    const std::string& path() const { return path_; }
    const std::optional<Error>& error() const { return error_; }

private:
    std::string path_;
    std::optional<Error> error_;
};

void read_allow(OwnerFile& file, const TomlNode& root, std::vector<AllowRule>& rules) {
    const TomlNode* list = root.find("allow");
    if (!list) {
        rules = default_allow_rules();
        return;
    }
    // `allow = []` could be taken for "nothing" or for the default.
    if (list->kind != TomlNode::Kind::kArray || list->children.empty())
        return file.fail(*list, "allow", "must be [[allow]] tables (or `enabled = false`)");
    for (const TomlNode& table : list->children) {
        if (!table.table()) return file.fail(table, "allow", "must be [[allow]] tables");
        auto rule = read_allow_rule(table, file.path());
        if (!rule) return file.keep(rule.error());
        rules.push_back(std::move(*rule));
    }
}

void read_limits(OwnerFile& file, const TomlNode& root, LimitsConfig& limits) {
    const TomlNode* table =
        file.table(root, "limits", {"sessions", "connect", "idle", "duration", "drain"});
    if (!table) return;
    if (const TomlNode* node = table->find("sessions")) {
        if (node->kind == TomlNode::Kind::kInteger && node->integer >= 1 && node->integer <= 1000)
            limits.sessions = static_cast<int>(node->integer);
        else
            file.fail(*node, "limits.sessions", "must be a number from 1 to 1000");
    }
    file.duration(table, "connect", "limits.connect", {kSecond, 5 * kMinute}, limits.connect);
    file.duration(table, "idle", "limits.idle", {kSecond, kYear, true}, limits.idle);
    file.duration(table, "duration", "limits.duration", {kSecond, kYear, true}, limits.duration);
    file.duration(table, "drain", "limits.drain", {Milliseconds(0), kMinute}, limits.drain);
}

void read_keepalive(OwnerFile& file, const TomlNode& root, KeepaliveConfig& keepalive) {
    const TomlNode* table = file.table(root, "keepalive", {"ping", "timeout"});
    if (!table) return;
    file.duration(table, "ping", "keepalive.ping", {Milliseconds(100), 10 * kMinute},
                  keepalive.ping);
    file.duration(table, "timeout", "keepalive.timeout", {kSecond, kHour}, keepalive.timeout);
    if (keepalive.timeout > keepalive.ping) return;
    const TomlNode* timeout = table->find("timeout");
    file.fail(timeout ? *timeout : *table, "keepalive.timeout",
              "must be longer than keepalive.ping (" + format_duration(keepalive.ping) + ")");
}

void read_approve(OwnerFile& file, const TomlNode& root, std::string& approve) {
    const TomlNode* node = root.find("approve");
    if (!node) return;
    const std::string_view text = node->text.reveal();
    // Blanks alone would ask for an approval and name no command.
    const bool blank = !text.empty() && text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    if (node->kind != TomlNode::Kind::kText || blank)
        return file.fail(*node, "approve", "must be a command in quotes, or \"\" for none");
    approve = text;
}

void read_format(OwnerFile& file, const TomlNode& root, std::optional<OperationFormat>& format) {
    const TomlNode* node = root.find("operation_format");
    if (!node) return;
    const std::string_view text = node->text.reveal();
    if (node->kind == TomlNode::Kind::kText && text == "smartrest")
        format = OperationFormat::kSmartRest;
    else if (node->kind == TomlNode::Kind::kText && text == "json")
        format = OperationFormat::kJson;
    else
        file.fail(*node, "operation_format", "must be \"smartrest\" or \"json\"");
}

void read_sandbox(OwnerFile& file, const TomlNode& root, SandboxMode& mode) {
    const TomlNode* node = root.find("sandbox");
    if (!node) return;
    const bool text = node->kind == TomlNode::Kind::kText;
    const std::string_view word = text ? node->text.reveal() : std::string_view();
    if (word != "auto" && word != "required")
        return file.fail(*node, "sandbox", "must be \"auto\" or \"required\"");
    mode = word == "required" ? SandboxMode::kRequired : SandboxMode::kAuto;
}

}  // namespace

Result<OwnerConfig> load_owner_config(const std::string& config_dir) {
    OwnerConfig owner;
    owner.path = absolute_path(config_dir) + "/plugins/c8y-remote-access-connect.toml";
    const auto root = read_toml(owner.path);
    if (!root) return root.error();
    OwnerFile file(owner.path);
    file.only(*root, "",
              {"enabled", "approve", "operation_format", "sandbox", "allow", "limits", "keepalive",
               "audit"});
    file.flag(&*root, "enabled", "enabled", owner.enabled);
    read_approve(file, *root, owner.approve);
    read_format(file, *root, owner.operation_format);
    read_sandbox(file, *root, owner.sandbox);
    read_allow(file, *root, owner.allow);
    read_limits(file, *root, owner.limits);
    read_keepalive(file, *root, owner.keepalive);
    file.flag(file.table(*root, "audit", {"events"}), "events", "audit.events", owner.audit_events);
    if (file.error()) return *file.error();
    return owner;
}

}  // namespace remote_access
