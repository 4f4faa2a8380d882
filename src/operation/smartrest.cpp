// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "operation/checks.hpp"
#include "operation/formats.hpp"

namespace remote_access {
namespace {

// 530,<device>,<host>,<port>,<key>: Cumulocity's static template "Remote access connect".
constexpr std::string_view kMessageId = "530";
constexpr std::size_t kFieldCount = 5;
constexpr std::string_view kBlanks = " \t";

/// The fields of one record. They hold the key: wiped when it goes.
class Record {
public:
    Record() = default;
    ~Record() {
        for (std::string& field : fields_) wipe(field);
    }
    Record(const Record&) = delete;
    Record& operator=(const Record&) = delete;

    void add(std::string field) { fields_.push_back(std::move(field)); }
    std::size_t size() const { return fields_.size(); }
    std::string& operator[](std::size_t index) { return fields_[index]; }

private:
    std::vector<std::string> fields_;
};

/// Reads records off the front of a text. A quoted field may hold commas and line ends.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    /// Steps over blank lines; false at the end of the text.
    bool more() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
        return !rest_.empty();
    }

    Result<void> read(Record& record) {
        for (;;) {
            skip_blanks();
            const bool quoted = !rest_.empty() && rest_.front() == '"';
            std::string field = quoted ? std::string() : plain();
            if (quoted && !take_quoted(field)) {
                wipe(field);
                return payload_error("field " + std::to_string(record.size() + 1) +
                                     ": the closing quote is missing");
            }
            record.add(std::move(field));
            skip_blanks();
            if (rest_.empty() || rest_.front() != ',') return {};
            rest_.remove_prefix(1);
        }
    }

private:
    void skip_blanks() { rest_.remove_prefix(blanks(rest_)); }

    static std::size_t blanks(std::string_view text) {
        return std::min(text.find_first_not_of(kBlanks), text.size());
    }

    /// Outer blanks do not belong to an unquoted field (Cumulocity quotes a field that has them).
    std::string plain() {
        const std::size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
        std::string_view field = rest_.substr(0, end);
        rest_.remove_prefix(end);
        field = field.substr(0, field.find_last_not_of(kBlanks) + 1);
        return std::string(field);
    }

    /// Both ways to write a quote: \" (Cumulocity) and "" (CSV, thin-edge). A quote in front of
    /// anything but the field's end stands for itself: thin-edge's mapper drops the backslashes.
    bool take_quoted(std::string& field) {
        rest_.remove_prefix(1);
        while (!rest_.empty()) {
            const std::string_view two = rest_.substr(0, 2);
            const bool pair = two == "\\\"" || two == "\"\"";
            if (!pair && rest_.front() == '"' && ends_field()) {
                rest_.remove_prefix(1);
                return true;
            }
            field += pair ? '"' : rest_.front();
            rest_.remove_prefix(pair ? 2 : 1);
        }
        return false;
    }

    bool ends_field() const {
        const std::string_view behind = rest_.substr(1 + blanks(rest_.substr(1)));
        return behind.empty() || std::string_view(",\r\n").find(behind.front()) != behind.npos;
    }

    std::string_view rest_;
};

Result<ConnectRequest> request_from(Record& record) {
    if (record.size() != kFieldCount)
        return payload_error(": " + std::to_string(record.size()) +
                             " fields instead of 5 (530,<device>,<host>,<port>,<connection key>)");
    Result<std::string> host = check_host(record[2]);
    if (!host) return placed(", field 3 (host): ", host.error());
    const Result<std::uint16_t> port = check_port(record[3]);
    if (!port) return placed(", field 4 (port): ", port.error());
    Result<Secret> key = check_key(Secret(std::exchange(record[4], {})));
    if (!key) return placed(", field 5 (connection key): ", key.error());
    return ConnectRequest{{}, std::move(*host), *port, std::move(*key)};
}

}  // namespace

ParsedOperation parse_smartrest(std::string_view text) {
    Reader reader(text);
    int number = 0;
    while (reader.more()) {
        const std::string place = "SmartREST record " + std::to_string(++number);
        Record record;
        if (const Result<void> read = reader.read(record); !read)
            return {{}, placed(place + ", ", read.error())};
        if (record[0] != kMessageId) continue;
        Result<ConnectRequest> request = request_from(record);
        if (!request) return {{}, placed(place, request.error())};
        return {{}, std::move(request)};
    }
    return {{},
            payload_error("SmartREST: none of " + std::to_string(number) +
                          " record(s) is a 530 (remote access connect)")};
}

}  // namespace remote_access
