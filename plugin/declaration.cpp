// SPDX-License-Identifier: Apache-2.0
#include "declaration.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "mqtt/announcement.hpp"
#include "mqtt/status.hpp"
#include "policy/protocols.hpp"
#include "say.hpp"
#include "terminal.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kPatience{5'000};

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

}  // namespace

std::vector<std::string> cloud_prefixes(const Config& config) {
    std::vector<std::string> profiles{config.source.profile};
    if (config.source.profile.empty())
        profiles.insert(profiles.end(), config.profiles.begin(), config.profiles.end());
    std::vector<std::string> prefixes;
    for (const std::string& profile : profiles) {
        ConfigSource source = config.source;
        source.profile = profile;
        const Result<Config> one = load_device_config(source);
        if (!one) {
            log::warn(reason(one.error()));
        } else if (one->cloud.http.port != 0) {
            const std::string& prefix = one->cloud.topic_prefix;
            if (std::find(prefixes.begin(), prefixes.end(), prefix) == prefixes.end())
                prefixes.push_back(prefix);
        }
    }
    return prefixes;
}

void declare_protocols(const Config& config) {
    std::vector<std::string> topics = cloud_prefixes(config);
    for (std::string& one : topics) one = status_topic(one);
    if (topics.empty())
        return say(
            "No protocols are declared: this device has no Cumulocity address (c8y.url) "
            "yet. Run setup again when it has.");
    const std::vector<std::string_view> protocols = allowed_protocols(config.owner);
    std::vector<Announcement> messages;
    messages.reserve(topics.size());
    for (const std::string& topic : topics) messages.push_back({topic, protocols_text(protocols)});
    const Result<void> sent = [&] {
        const Waiting waiting("waiting for MQTT broker " + config.broker.address.text());
        return announce(config.broker, messages, kPatience);
    }();
    if (!sent) return log::warn(reason({Fault::kUndeclared, {}, reason(sent.error())}));
    const std::vector<std::string> names(protocols.begin(), protocols.end());
    say("Declared to the cloud on " + joined(topics) + ": " + joined(names) + ".");
}

}  // namespace remote_access
