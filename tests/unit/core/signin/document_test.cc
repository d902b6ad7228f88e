// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/document.h"

#include <gtest/gtest.h>

namespace kernmesh::signin {
namespace {

Result<Json> read_text(std::string_view text) {
  return parse_object({"the document", text, 65536});
}

std::string fault_of(std::string_view text) {
  const auto parsed = read_text(text);
  return parsed ? "none" : parsed.error().message();
}

std::string nested(int depth) {
  std::string text = "{\"a\":";
  for (int i = 1; i < depth; ++i) text += "[";
  text += "1";
  for (int i = 1; i < depth; ++i) text += "]";
  return text + "}";
}

TEST(Document, refuses_what_is_no_object) {
  for (const char* const text :
       {"", "[]", "1", "\"a\"", "{", "{}x", "{\"a\":}", "nul", "{\"a\":1e999}"}) {
    EXPECT_FALSE(read_text(text)) << text;
  }
  EXPECT_TRUE(read_text("{}"));
}

TEST(Document, bounds_the_depth) {
  EXPECT_TRUE(read_text(nested(kMostDepth))) << fault_of(nested(kMostDepth));
  EXPECT_EQ(fault_of(nested(kMostDepth + 1)), "the document is nested deeper than 16");
  // A parser that calls itself would be out of stack here.
  const auto deep = parse_object({"the document", nested(3'000'000), 100'000'000});
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().message(), "the document is nested deeper than 16");
}

TEST(Document, bounds_the_number_of_values_and_bytes) {
  std::string many = "{\"a\":[1";
  for (std::size_t i = 0; i < kMostValues; ++i) many += ",1";
  EXPECT_EQ(fault_of(many + "]}"), "the document has more than 4096 values");
  const auto large = parse_object({"the document", "{\"a\": 1}", 7});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().message(), "the document has 8 bytes, at most 7 are taken");
}

TEST(Document, refuses_a_name_twice_but_not_in_two_objects) {
  EXPECT_EQ(fault_of(R"({"iss":"a","iss":"b"})"), "the document has a name twice in one object");
  EXPECT_EQ(fault_of(R"({"iss":"a","\u0069ss":"b"})"),
            "the document has a name twice in one object");
  EXPECT_TRUE(read_text(R"({"a":{"b":1},"b":{"b":2}})"));
}

TEST(Document, never_repeats_the_text) {
  const auto parsed = read_text(R"({"id_token": "secret" "more-secret"})");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message().find("secret"), std::string::npos);
}

TEST(Document, takes_texts_without_control_characters_alone) {
  for (const char* const value : {R"("a\u0000b")", R"("a\nb")", R"("\u001b[2J")", R"("\u007f")",
                                  R"("\u009b2J")", R"("")", "1", "null", "[]", R"("12345")"}) {
    const auto parsed = read_text(std::string(R"({"name":)") + value + "}");
    ASSERT_TRUE(parsed) << value;
    EXPECT_FALSE(required_text(*parsed, "name", 4)) << value;
  }
  const auto parsed = read_text(R"({"name":"Zoë"})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(required_text(*parsed, "name", 4).value(), "Zoë");
  EXPECT_EQ(optional_text(*parsed, "other", 4).value(), "");
}

TEST(Document, reads_a_text_or_a_list_of_texts) {
  const auto parsed = read_text(R"({"one":"a","two":["a","b"],"none":null,"mixed":["a",1]})");
  ASSERT_TRUE(parsed);
  using Texts = std::vector<std::string>;
  EXPECT_EQ(optional_texts(*parsed, "one", {2, 8}).value(), Texts{"a"});
  EXPECT_EQ(optional_texts(*parsed, "two", {2, 8}).value(), (Texts{"a", "b"}));
  EXPECT_EQ(optional_texts(*parsed, "none", {2, 8}).value(), Texts{});
  EXPECT_FALSE(optional_texts(*parsed, "two", {1, 8}));
  EXPECT_FALSE(optional_texts(*parsed, "mixed", {2, 8}));
}

TEST(Document, reads_dates_within_bounds) {
  const auto parsed =
      read_text(R"({"a":12.9,"b":-1,"c":1e300,"d":"12","e":253402300799,"f":null})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(optional_date(*parsed, "a").value(), WallTime(std::chrono::seconds(12)));
  EXPECT_TRUE(optional_date(*parsed, "e").value().has_value());
  EXPECT_FALSE(optional_date(*parsed, "absent").value().has_value());
  for (const char* const name : {"b", "c", "d", "f"}) EXPECT_FALSE(optional_date(*parsed, name));
}

}  // namespace
}  // namespace kernmesh::signin
