// SPDX-License-Identifier: Apache-2.0
// The one place that turns documents and errors into bytes for a terminal or a program.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "controller/base/error.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

enum class Format { kHuman, kJson };
enum class Colour { kOff, kOn };

// Columns a terminal uses for UTF-8 text: 2 for wide, 0 for combining and control characters, 1 for
// a byte that is not UTF-8. Ranges from Unicode 15's EastAsianWidth (W and F), whole blocks.
std::size_t display_width(std::string_view text);

// The same text with each control character, direction mark and broken byte made "?": names and
// messages come from other machines and must not steer the terminal.
std::string printable(std::string_view text);

// The same for a text of many lines, whose ends and tabs stay.
std::string printable_lines(std::string_view text);

// Lines end with "\n" and never with a space; two spaces stand between columns.
std::string render_human(const Document& document, Colour colour);

// The code of an error in JSON: the words of ErrorCode in snake_case, e.g. "not_found".
std::string error_code(const Error& error);

// Writes to streams it borrows.
class Renderer {
 public:
  struct Settings {
    Format format = Format::kHuman;
    Colour out_colour = Colour::kOff;
    Colour err_colour = Colour::kOff;
  };
  Renderer(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}
  void set(const Settings& settings) { settings_ = settings; }
  Format format() const { return settings_.format; }

  // Human blocks, or the object with two spaces of indent.
  void show(const Document& document);
  // As show(), but for people the text as it is: a script that another program reads.
  void show_text(const Document& document, const std::string& text);
  // One of many objects of a stream: a line each in JSON.
  void show_next(const Document& document);
  // "meshadm: MESSAGE" and the advice on the next line, or {"error": …} as one line.
  void fail(std::string_view code, const std::string& message, const std::string& advice);
  // A remark for people on the error stream; nothing in JSON.
  void remark(const std::string& text);

 private:
  std::ostream& out_;
  std::ostream& err_;
  Settings settings_;
};

}  // namespace kernmesh::adm
