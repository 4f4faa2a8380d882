// SPDX-License-Identifier: Apache-2.0
// credentials.toml: a header's value that says name and password, or an error that quotes nothing
// of the file.
#include <openssl/evp.h>

#include "config/config.hpp"
#include "folder.hpp"

namespace remote_access {
namespace {

using namespace fuzz;

std::string decoded(std::string_view base64) {
    std::string bytes(base64.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(base64.data()),
                                     static_cast<int>(base64.size()));
    require(size == static_cast<int>(bytes.size()), "the value is Base64");
    const std::size_t padding = base64.size() - std::min(base64.size(), base64.find('='));
    bytes.resize(bytes.size() - padding);
    return bytes;
}

void run(std::string_view content) {
    static const MemoryFolder folder;
    Config config;
    config.cloud.credentials_path = folder.file("credentials.toml");
    folder.write("credentials.toml", content);
    const Result<Secret> value = load_basic_authorization(config);
    const Result<TomlNode> root = parse_toml(content);
    if (!value) {
        require(value.error().fault == Fault::kCredentials &&
                    value.error().subject == config.cloud.credentials_path,
                "an error names the file");
        check_reason(value.error());
        check_hides(value.error());
        return;
    }
    require(root.ok(), "only TOML is accepted");
    const TomlNode* table = root->find("c8y");
    const std::string login = std::string(table->find("username")->text.reveal()) + ":" +
                              std::string(table->find("password")->text.reveal());
    constexpr std::string_view kBasic = "Basic ";
    require(value->reveal().substr(0, kBasic.size()) == kBasic, "the scheme is Basic");
    require(decoded(value->reveal().substr(kBasic.size())) == login, "the login is the file's");
}

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    remote_access::run(remote_access::fuzz::as_text(data, size));
    return 0;
}
