// SPDX-License-Identifier: Apache-2.0
// What a command has to say, in both forms: an object for machines, blocks for people (pure).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

namespace kernmesh::adm {

// Keys keep the order in which docs/json.md shows them.
using Json = nlohmann::ordered_json;

// What a colour would mean; without colours nothing is lost, because the words say it too.
enum class Tone { kPlain, kStrong, kGood, kWarn, kBad, kFaint };

struct Cell {
  std::string text;
  Tone tone = Tone::kPlain;
};

// Pieces of one line, joined without a space.
struct Line {
  std::vector<Cell> pieces;
};

enum class Align { kLeft, kRight };
struct Column {
  std::string title;
  Align align = Align::kLeft;
};
// Every row has as many cells as there are columns.
struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

using Block = std::variant<Line, Table>;

struct Document {
  Json json = Json::object();  // always an object
  std::vector<Block> blocks;

  void line(std::string text, Tone tone = Tone::kPlain) {
    blocks.emplace_back(Line{{{std::move(text), tone}}});
  }
};

}  // namespace kernmesh::adm
