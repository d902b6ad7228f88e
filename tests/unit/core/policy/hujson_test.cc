// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/hujson.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <string_view>
#include <vector>

#include "controller/core/policy/parse.h"

namespace kernmesh::policy {
namespace {

using namespace std::string_literals;

// The text printed back, or the first error as "LINE:COLUMN: error: MESSAGE".
std::string reread(std::string_view text) {
  Diagnostics diagnostics;
  const auto tree = JsonTree::read(text, diagnostics);
  if (diagnostics.has_errors()) return to_string(diagnostics.first_error(), "");
  return to_json(tree->root());
}

TEST(Hujson, reads_what_json_allows_and_comments_and_trailing_commas) {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  const std::vector<Row> rows = {
      {"null", "null"},
      {" true ", "true"},
      {"[]", "[]"},
      {"{ }", "{}"},
      {"[1, -0.5e+3,]", "[1,-0.5e+3]"},
      {R"({"a": [{}, [[]], "x"], "b": false,})", R"({"a":[{},[[]],"x"],"b":false})"},
      {"// before\n{/* in */\"a\"/**/:/***/1 // end\r\n,}// after", R"({"a":1})"},
      {"[\"/* no comment */\", \"// neither\"]", R"(["/* no comment */","// neither"])"},
      {"\xef\xbb\xbf{}", "{}"},
      {R"(["[", "{"])", R"(["[","{"])"},
  };
  for (const Row& row : rows) EXPECT_EQ(reread(row.text), row.expected) << row.text;
}

TEST(Hujson, decodes_escapes) {
  struct Row {
    std::string_view text;
    std::string expected;
  };
  const std::vector<Row> rows = {
      {R"("")", ""},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("a\u0041\u00e9\u20AC")", "aA\u00e9\u20ac"},
      {R"("\ud83d\ude00!")", "\U0001f600!"},
      {R"("\u0000")", "\0"s},
      {"\"\u00e9\U0001f600\"", "\u00e9\U0001f600"},
  };
  for (const Row& row : rows) {
    Diagnostics diagnostics;
    const auto tree = JsonTree::read(row.text, diagnostics);
    ASSERT_TRUE(tree) << row.text;
    EXPECT_EQ(tree->root().text(), row.expected) << row.text;
  }
}

TEST(Hujson, names_place_and_expectation_of_what_is_no_json) {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  const std::vector<Row> rows = {
      {"", ":1:1: error: found the end of the text, expected a value"},
      {"  // nothing", ":1:13: error: found the end of the text, expected a value"},
      {"{\"a\":1", ":1:7: error: found the end of the text, expected \",\" or \"}\""},
      {"{\n  a: 1}", ":2:3: error: found \"a\", expected a key in quotes or \"}\""},
      {"{\"a\" 1}", ":1:6: error: found \"1\", expected \":\" after the key"},
      {"[1 2]", ":1:4: error: found \"2\", expected \",\" or \"]\""},
      {"[,]", ":1:2: error: found \",\", expected a value"},
      {"[1,,]", ":1:4: error: found \",\", expected a value"},
      {"[}", ":1:2: error: found \"}\", expected a value"},
      {"{} {}", ":1:4: error: found \"{\" after the end of the policy"},
      {"nul", ":1:1: error: found \"nul\", expected a value"},
      {"True", ":1:1: error: found \"True\", expected a value"},
      {"01", ":1:1: error: \"01\" is not a number of JSON"},
      {"1.", ":1:1: error: \"1.\" is not a number of JSON"},
      {"-", ":1:1: error: \"-\" is not a number of JSON"},
      {"1e", ":1:1: error: \"1e\" is not a number of JSON"},
      {"\"abc", ":1:1: error: the string that begins here does not end"},
      {"\n /* abc", ":2:2: error: the comment that begins here does not end"},
      {"\"a\nb\"", ":1:3: error: found \"\\x0a\" in a string, expected its closing quote"},
      {"\"\\x\"", ":1:2: error: \"\\\\x\" is no escape; a backslash is written \"\\\\\""},
      {"\"\\u12g4\"", ":1:2: error: expected four hexadecimal digits after \\u"},
      {"\"\\u12", ":1:2: error: expected four hexadecimal digits after \\u"},
      {"\"\\ud800\"", ":1:2: error: \\ud800 is half a surrogate pair"},
      {"\"\\udc00\"", ":1:2: error: \\udc00 is half a surrogate pair"},
      {"\"\\ud800\\u0041\"", ":1:2: error: \\ud800 is half a surrogate pair"},
      {"\"\u00e9\u00e9\" x", ":1:6: error: found \"x\" after the end of the policy"},
  };
  for (const Row& row : rows) EXPECT_EQ(reread(row.text), row.expected) << row.text;
}

TEST(Hujson, refuses_bytes_that_are_not_utf8) {
  struct Row {
    std::string text;
    std::string_view expected;
  };
  const std::vector<Row> rows = {
      {"\"a\xff\"", ":1:3: error: the byte \"\\xff\" is not UTF-8"},
      {"\n\"\xc3\"", ":2:2: error: the byte \"\\xc3\" is not UTF-8"},
      {"\"\xc0\x80\"", ":1:2: error: the byte \"\\xc0\" is not UTF-8"},
      {"\"\xed\xa0\x80\"", ":1:2: error: the byte \"\\xed\" is not UTF-8"},
      {"\"\xf4\x90\x80\x80\"", ":1:2: error: the byte \"\\xf4\" is not UTF-8"},
      {"\"\xe2\x82", ":1:2: error: the byte \"\\xe2\" is not UTF-8"},
      {"// \x80", ":1:4: error: the byte \"\\x80\" is not UTF-8"},
  };
  for (const Row& row : rows) EXPECT_EQ(reread(row.text), row.expected);
}

TEST(Hujson, names_both_places_of_a_duplicate_key) {
  Diagnostics diagnostics;
  JsonTree::read("{\"a\": 1,\n \"b\": {\"a\": 2},\n  \"\\u0061\": 3, \"b\": 4}", diagnostics);
  const auto findings = diagnostics.findings();
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(to_string(findings[0], "p"),
            "p:3:3: error: the key \"a\" stands at 1:2 already; an object has each key once");
  EXPECT_EQ(to_string(findings[1], "p"),
            "p:3:16: error: the key \"b\" stands at 2:2 already; an object has each key once");
}

TEST(Hujson, nests_as_deep_as_the_limit_and_no_deeper) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(reread(nested(kMaxNesting)), nested(kMaxNesting));
  EXPECT_EQ(reread(nested(kMaxNesting + 1)), ":1:65: error: nested more than 64 deep");
  EXPECT_EQ(reread(nested(1000)), ":1:65: error: nested more than 64 deep");
}

TEST(Hujson, values_know_their_places) {
  Diagnostics diagnostics;
  const auto tree = JsonTree::read("{\n \"\u00e9\": [1, \"\\n\",\r\n\tnull]}", diagnostics);
  ASSERT_TRUE(tree);
  const JsonValue root = tree->root();
  const auto key = root.first();
  ASSERT_TRUE(key);
  EXPECT_EQ(key->at(), (Position{2, 2}));
  const JsonValue list = key->value();
  EXPECT_EQ(list.at(), (Position{2, 7}));
  std::vector<Position> places;
  for (auto v = list.first(); v; v = v->next_in(list)) places.push_back(v->at());
  EXPECT_EQ(places, (std::vector<Position>{{2, 8}, {2, 11}, {3, 2}}));
  EXPECT_FALSE(key->next_in(root));
}

TEST(Hujson, strings_come_back_as_they_were_printed) {
  EXPECT_TRUE(rc::check("to_json of a string is read as that string", [] {
    const auto letters = *rc::gen::container<std::string>(rc::gen::inRange<char>(0, 127));
    std::string text = "[";
    for (const char c : letters) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      text += std::string("\"\\u00") + kDigits[c >> 4] + kDigits[c & 15] + "\",";
    }
    text += "]";
    const std::string once = reread(text);
    RC_ASSERT(once.front() == '[');
    RC_ASSERT(reread(once) == once);
    Diagnostics diagnostics;
    const auto tree = JsonTree::read(once, diagnostics);
    std::string back;
    const JsonValue list = tree->root();
    for (auto v = list.first(); v; v = v->next_in(list)) back += v->text();
    RC_ASSERT(back == letters);
  }));
}

}  // namespace
}  // namespace kernmesh::policy
