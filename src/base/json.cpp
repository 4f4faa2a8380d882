// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <rapidjson/encodedstream.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cmath>
#include <utility>

#include "base/memory.hpp"
#include "base/secret.hpp"
#include "base/utf8.hpp"

namespace remote_access::json {
namespace {

constexpr std::size_t kDeepest = 32;

/// Builds the Value while RapidJSON reads; refuses depth and repeated members.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
public:
    bool Null() { return put(Value()); }
    bool Bool(bool flag) { return put(Value(flag)); }
    bool Int(int number) { return put(Value(number)); }
    bool Uint(unsigned number) { return put(Value(std::int64_t{number})); }
    bool Int64(std::int64_t number) { return put(Value(number)); }
    // RapidJSON calls this for every positive number beyond 32 bits.
    bool Uint64(std::uint64_t number) {
        const auto whole = static_cast<std::int64_t>(number);
        return put(whole >= 0 ? Value(whole) : Value(static_cast<double>(number)));
    }
    bool Double(double number) { return put(Value(number)); }
    bool String(const char* text, rapidjson::SizeType size, bool) {
        return put(Value(std::string(text, size)));
    }
    bool StartObject() { return open(false); }
    bool Key(const char* text, rapidjson::SizeType size, bool) {
        Level& level = levels_.back();
        level.key.assign(text, size);
        return level.members.find(level.key) == level.members.end();
    }
    bool EndObject(rapidjson::SizeType) { return close(); }
    bool StartArray() { return open(true); }
    bool EndArray(rapidjson::SizeType) { return close(); }

    Value take() { return std::move(root_); }

private:
    struct Level {
        bool list;
        std::string key;
        Object members;
        Array elements;
    };

    bool open(bool list) {
        if (levels_.size() >= kDeepest) return false;
        levels_.push_back(Level{list, {}, {}, {}});
        return true;
    }
    bool close() {
        Level level = std::move(levels_.back());
        levels_.pop_back();
        return put(level.list ? Value(std::move(level.elements)) : Value(std::move(level.members)));
    }
    bool put(Value value) {
        if (levels_.empty()) {
            root_ = std::move(value);
        } else if (levels_.back().list) {
            levels_.back().elements.push_back(std::move(value));
        } else {
            levels_.back().members.emplace(std::move(levels_.back().key), std::move(value));
        }
        return true;
    }

    std::vector<Level> levels_;
    Value root_;
};

// Messages hold keys and tokens.
using Reader = rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, WipingAllocator>;
using Buffer = rapidjson::GenericStringBuffer<rapidjson::UTF8<>, WipingAllocator>;
using Writer = rapidjson::Writer<Buffer, rapidjson::UTF8<>, rapidjson::UTF8<>, WipingAllocator>;

/// Foreign text (an HTTP body, a path) may be anything; a message that the other process cannot
/// parse would hide the failure that it reports.
void write_text(Writer& writer, std::string_view text) {
    std::string safe(text);
    if (invalid_utf8_at(text)) {
        for (char& c : safe) {
            if (static_cast<unsigned char>(c) >= 0x80) c = '?';
        }
    }
    writer.String(safe.data(), static_cast<rapidjson::SizeType>(safe.size()));
    wipe(safe);
}

void write_to(Writer& writer, const Value& value) {
    if (const bool* flag = value.boolean()) {
        writer.Bool(*flag);
    } else if (const std::int64_t* integer = value.integer()) {
        writer.Int64(*integer);
    } else if (const double* number = value.number()) {
        writer.Double(std::isfinite(*number) ? *number : 0.0);  // JSON has no infinity
    } else if (const std::string* text = value.text()) {
        write_text(writer, *text);
    } else if (const Array* array = value.array()) {
        writer.StartArray();
        for (const Value& element : *array) write_to(writer, element);
        writer.EndArray();
    } else if (const Object* object = value.object()) {
        writer.StartObject();
        for (const auto& [key, member] : *object) {
            writer.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
            write_to(writer, member);
        }
        writer.EndObject();
    } else {
        writer.Null();
    }
}

}  // namespace

const Value* Value::find(std::string_view key) const {
    const Object* members = object();
    if (members == nullptr) return nullptr;
    const auto member = members->find(key);
    return member == members->end() ? nullptr : &member->second;
}

Value* Value::find(std::string_view key) {
    return const_cast<Value*>(std::as_const(*this).find(key));
}

std::string_view Value::text_at(std::string_view key) const {
    const Value* member = find(key);
    const std::string* text = member != nullptr ? member->text() : nullptr;
    return text != nullptr ? std::string_view(*text) : std::string_view();
}

std::int64_t Value::integer_at(std::string_view key) const {
    const Value* member = find(key);
    const std::int64_t* integer = member != nullptr ? member->integer() : nullptr;
    return integer != nullptr ? *integer : 0;
}

bool Value::flag_at(std::string_view key) const {
    const Value* member = find(key);
    const bool* flag = member != nullptr ? member->boolean() : nullptr;
    return flag != nullptr && *flag;
}

Result<Value> parse(std::string_view text) {
    constexpr unsigned kFlags =
        rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag;
    // RapidJSON takes a NUL for the end, and would not see what follows.
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        return Error{Fault::kPayload, {}, "JSON: A NUL. (byte " + std::to_string(nul) + ")"};
    rapidjson::MemoryStream stream(text.data(), text.size());
    rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> input(stream);
    Reader reader;
    Builder builder;
    const rapidjson::ParseResult result = reader.Parse<kFlags>(input, builder);
    if (!result) {
        const bool ours = result.Code() == rapidjson::kParseErrorTermination;
        const std::string what = ours ? "A member is repeated or the nesting is too deep."
                                      : rapidjson::GetParseError_En(result.Code());
        return Error{Fault::kPayload,
                     {},
                     "JSON: " + what + " (byte " + std::to_string(result.Offset()) + ")"};
    }
    return builder.take();
}

std::string write(const Value& value) {
    Buffer buffer;
    Writer writer(buffer);
    write_to(writer, value);
    return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace remote_access::json
