// SPDX-License-Identifier: Apache-2.0
// thin-edge's c8y_api/src/http_proxy.rs: read_c8y_credentials() and get_auth_header_value(). An
// error never quotes the file.
#include <openssl/evp.h>

#include <string>
#include <utility>

#include "base/fd.hpp"
#include "config/config.hpp"
#include "config/toml.hpp"

namespace remote_access {
namespace {

Result<TomlNode> read_credentials(const std::string& path) {
    auto content = read_file(path);
    if (!content) return Error{Fault::kCredentials, path, content.error().detail};
    auto root = parse_toml(*content);
    wipe(*content);
    if (root) return root;
    return Error{Fault::kCredentials, path,
                 "line " + root.error().subject + " " + root.error().detail};
}

// "Basic " and the base64 of `login`, in one piece of memory that never grows.
Secret header_value(const std::string& login) {
    constexpr std::string_view kScheme = "Basic ";
    const std::size_t length = (login.size() + 2) / 3 * 4;
    std::string value(kScheme.size() + length + 1, '\0');  // EVP_EncodeBlock adds a NUL
    value.replace(0, kScheme.size(), kScheme);
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(value.data() + kScheme.size()),
                    reinterpret_cast<const unsigned char*>(login.data()),
                    static_cast<int>(login.size()));
    value.pop_back();
    Secret secret(value);
    wipe(value);
    return secret;
}

}  // namespace

Result<Secret> load_basic_authorization(const Config& config) {
    const std::string& path = config.cloud.credentials_path;
    const auto root = read_credentials(path);
    if (!root) return root.error();
    const TomlNode* table = root->find("c8y");
    if (!table) return Error{Fault::kCredentials, path, "has no [c8y] table"};
    const Secret* parts[2] = {};
    constexpr const char* kNames[2] = {"username", "password"};
    for (int i = 0; i < 2; ++i) {
        const TomlNode* node = table->find(kNames[i]);
        if (!node || node->kind != TomlNode::Kind::kText || node->text.empty())
            return Error{Fault::kCredentials, path,
                         std::string("has no ") + kNames[i] + " in [c8y]"};
        parts[i] = &node->text;
    }
    return basic_authorization(parts[0]->reveal(), *parts[1]);
}

Secret basic_authorization(std::string_view username, const Secret& password) {
    std::string login;
    login.reserve(username.size() + 1 + password.reveal().size());  // never moved
    login.append(username).append(":").append(password.reveal());
    Secret value = header_value(login);
    wipe(login);
    return value;
}

}  // namespace remote_access
