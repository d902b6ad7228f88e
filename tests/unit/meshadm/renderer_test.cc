// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/renderer.h"

#include <gtest/gtest.h>

#include <sstream>

namespace kernmesh::adm {
namespace {

Document two_rows() {
  Document document;
  document.json["rows"] = 2;
  document.blocks.emplace_back(
      Table{{{"NAME"}, {"RX", Align::kRight}, {"SEEN"}},
            {{{"数据库"}, {"1.2 KiB"}, {"now", Tone::kGood}}, {{"a"}, {"0 B"}, {""}}}});
  return document;
}

TEST(DisplayWidth, counts_columns_and_not_bytes) {
  EXPECT_EQ(display_width("web-1"), 5U);
  EXPECT_EQ(display_width("müller"), 6U);
  EXPECT_EQ(display_width("数据库"), 6U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U) << "a combining accent has no column of its own";
  EXPECT_EQ(display_width("😀"), 2U);
  EXPECT_EQ(display_width("\xff\xfe"), 2U) << "bytes that are not UTF-8";
}

TEST(RenderHuman, aligns_columns_by_display_width_without_trailing_spaces) {
  EXPECT_EQ(render_human(two_rows(), Colour::kOff),
            "NAME         RX  SEEN\n"
            "数据库  1.2 KiB  now\n"
            "a           0 B\n");
}

TEST(RenderHuman, colours_do_not_move_columns) {
  const std::string coloured = render_human(two_rows(), Colour::kOn);
  EXPECT_NE(coloured.find("数据库  1.2 KiB  \x1b[32mnow\x1b[0m\n"), std::string::npos) << coloured;
}

TEST(RenderHuman, text_from_elsewhere_cannot_steer_the_terminal) {
  Document document;
  document.line(
      "web\x1b[2Jx\r\n\xe2\x80\xae"
      "y\xc2\x9b"
      "z");
  EXPECT_EQ(render_human(document, Colour::kOn), "web?[2Jx???y?z\n");
}

TEST(Renderer, prints_the_object_and_no_text_as_json) {
  std::ostringstream out;
  std::ostringstream err;
  Renderer renderer(out, err);
  renderer.set({Format::kJson, Colour::kOn, Colour::kOn});
  renderer.show(two_rows());
  renderer.remark("only for people");
  EXPECT_EQ(out.str(), "{\n  \"rows\": 2\n}\n");
  EXPECT_EQ(err.str(), "");
}

TEST(Renderer, prints_an_error_as_one_object_on_the_error_stream) {
  std::ostringstream out;
  std::ostringstream err;
  Renderer renderer(out, err);
  renderer.set({Format::kJson, Colour::kOff, Colour::kOff});
  const Error error(ErrorCode::kNotFound, "no node \"web\xff\"");
  renderer.fail(error_code(error), error.message(), "");
  const auto json = Json::parse(err.str());
  EXPECT_EQ(json["error"]["code"], "not_found");
  EXPECT_EQ(json["error"]["message"], "no node \"web\uFFFD\"");
  EXPECT_TRUE(json["error"]["advice"].is_null());
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace kernmesh::adm
