// SPDX-License-Identifier: Apache-2.0
// The device owner's settings: what is accepted is within the documented bounds, what is not is an
// error that names file and line, and never becomes the default.
#include "config/config.hpp"
#include "folder.hpp"

namespace remote_access {
namespace {

using namespace fuzz;

constexpr const char* kFile = "plugins/c8y-remote-access-connect.toml";
constexpr Milliseconds kYear{31'536'000'000};

bool within(Milliseconds value, Milliseconds low, Milliseconds high) {
    return value >= low && value <= high;
}

bool zero_or_within(Milliseconds value, Milliseconds low, Milliseconds high) {
    return value == Milliseconds(0) || within(value, low, high);
}

void check_rule(const AllowRule& rule) {
    using Kind = AllowRule::Kind;
    require((rule.kind == Kind::kBlock) == rule.block.has_value(), "a block is one");
    require((rule.kind == Kind::kName) == !rule.name.empty(), "a name is one");
    require(rule.name.empty() || rule.name.back() != '.', "a name has no trailing dot");
    for (const char c : rule.name) require(c < 'A' || c > 'Z', "a name is in lower case");
    if (rule.block) {
        const auto again = IpBlock::parse(rule.block->text());
        require(again && again->text() == rule.block->text() && rule.block->contains(*again),
                "a block reads as it is written", rule.block->text());
    }
    for (const auto& [low, high] : rule.ports)
        require(low >= 1 && low <= high, "ports are a range");
}

void check_accepted(const OwnerConfig& owner) {
    const LimitsConfig& limits = owner.limits;
    const Milliseconds second(1'000), minute(60'000);
    require(!owner.allow.empty(), "there are rules");
    for (const AllowRule& rule : owner.allow) check_rule(rule);
    require(limits.sessions >= 1 && limits.sessions <= 1000, "limits.sessions");
    require(within(limits.connect, second, 5 * minute), "limits.connect");
    require(zero_or_within(limits.idle, second, kYear), "limits.idle");
    require(zero_or_within(limits.duration, second, kYear), "limits.duration");
    require(within(limits.drain, Milliseconds(0), minute), "limits.drain");
    require(within(owner.keepalive.ping, Milliseconds(100), 10 * minute), "keepalive.ping");
    require(within(owner.keepalive.timeout, second, 60 * minute), "keepalive.timeout");
    require(owner.keepalive.timeout > owner.keepalive.ping, "keepalive.timeout > ping");
}

void run(std::string_view content) {
    static const MemoryFolder folder;
    static const std::string path = folder.file(kFile);
    folder.write(kFile, content);
    const Result<OwnerConfig> owner = load_owner_config(folder.path());
    if (owner) {
        require(owner->path == path, "the file is named");
        check_accepted(*owner);
        folder.write(kFile, std::string(content) + "\nsurely-unknown = 1\n");
        require(!load_owner_config(folder.path()).ok(), "an unknown key is never passed over");
        return;
    }
    const Error& error = owner.error();
    require(error.fault == Fault::kSettings && error.subject.compare(0, path.size(), path) == 0,
            "an error names the file", error.subject);
    require(error.subject.size() > path.size() + 1 && error.subject[path.size()] == ':',
            "an error names the line", error.subject);
    check_reason(error);
    if (!is_a_key(content)) check_hides(error);
}

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    remote_access::run(remote_access::fuzz::as_text(data, size));
    return 0;
}
