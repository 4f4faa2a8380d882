// SPDX-License-Identifier: Apache-2.0
// JSON for operations and for the messages between our processes: RapidJSON behind a value type.
// Parsing is strict (UTF-8 checked, nesting and size bounded, nothing after the end).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace remote_access::json {

class Value;
using Array = std::vector<Value>;
using Object = std::map<std::string, Value, std::less<>>;

class Value {
public:
    Value() = default;
    Value(bool flag) : data_(flag) {}
    Value(std::int64_t number) : data_(number) {}
    Value(int number) : data_(std::int64_t{number}) {}
    Value(double number) : data_(number) {}
    Value(std::string text) : data_(std::move(text)) {}
    Value(std::string_view text) : data_(std::string(text)) {}
    Value(const char* text) : data_(std::string(text)) {}
    Value(Array list) : data_(std::move(list)) {}
    Value(Object members) : data_(std::move(members)) {}

    bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
    const bool* boolean() const { return std::get_if<bool>(&data_); }
    const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
    const double* number() const { return std::get_if<double>(&data_); }
    const std::string* text() const { return std::get_if<std::string>(&data_); }
    std::string* text() { return std::get_if<std::string>(&data_); }
    const Array* array() const { return std::get_if<Array>(&data_); }
    const Object* object() const { return std::get_if<Object>(&data_); }

    /// The member, or nothing where this is no object or has no such member.
    const Value* find(std::string_view key) const;
    Value* find(std::string_view key);
    /// The member's text (""), integer (0) or truth (false) where it is of that type.
    std::string_view text_at(std::string_view key) const;
    std::int64_t integer_at(std::string_view key) const;
    bool flag_at(std::string_view key) const;

private:
    std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

/// The error's detail says what is wrong and at which byte; it quotes nothing of the input.
Result<Value> parse(std::string_view text);

/// On one line. Always parses again: a text that is not UTF-8 loses what is not ASCII ('?').
std::string write(const Value& value);

}  // namespace remote_access::json
