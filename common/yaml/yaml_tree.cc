#include "common/yaml/yaml_tree.h"

#include <sstream>

#include <absl/strings/str_cat.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "common/base/utf8.h"

namespace sda {
namespace {

constexpr size_t kMaxDepth = 20;
constexpr size_t kMaxShownBytes = 80;  // of a value in a message

[[noreturn]] void Refuse(const YAML::Mark& mark, const std::string& message) {
  throw YAML::ParserException(mark, message);
}

// Builds the tree from the parser's events. Node's own loader would lose double keys' places and follow
// aliases.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(YamlNode* root) : root_(root) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    Leave(Add(mark, YamlNode::Kind::kEmpty));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(mark, "aliases (*name) are not supported");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    if (tag != "?" && tag != "!" && !tag.empty()) Refuse(mark, "tags (!name) are not supported");
    // yaml-cpp makes single bytes of the escapes \_ and \N, and takes a NUL byte for the begin of an escape.
    if (ToValidUtf8(value) != value)
      Refuse(mark, "a value is not valid UTF-8; write characters themselves instead of \\_ and \\N");
    YamlNode* node = Add(mark, YamlNode::Kind::kScalar);
    node->text = value;
    node->quoted = tag == "!";
    const bool null = !node->quoted && (value == "~" || value == "null" || value.empty());
    if (null && !IsKey(node)) node->kind = YamlNode::Kind::kEmpty;
    Leave(node);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    RefuseAnchor(mark, anchor);
    Enter(mark, Add(mark, YamlNode::Kind::kList));
  }
  void OnSequenceEnd() override { LeaveTop(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    RefuseAnchor(mark, anchor);
    Enter(mark, Add(mark, YamlNode::Kind::kMapping));
  }
  void OnMapEnd() override { LeaveTop(); }

 private:
  // An open collection; of a mapping also whether the next node is a value.
  struct Open {
    YamlNode* node;
    bool value_next = false;
  };

  static void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) Refuse(mark, "anchors (&name) are not supported");
  }

  bool IsKey(const YamlNode* node) const {
    return !open_.empty() && open_.back().node->kind == YamlNode::Kind::kMapping &&
           !open_.back().value_next && node == &open_.back().node->entries.back().key;
  }

  // Nodes below an open collection never move: a parent grows only after its last child is closed.
  YamlNode* Add(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode* node = root_;
    if (!open_.empty()) {
      Open& parent = open_.back();
      if (parent.node->kind == YamlNode::Kind::kList) {
        node = &parent.node->items.emplace_back();
      } else if (parent.value_next) {
        node = &parent.node->entries.back().value;
      } else {
        if (kind != YamlNode::Kind::kScalar) Refuse(mark, "a key must be a name");
        node = &parent.node->entries.emplace_back().key;
      }
    }
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    return node;
  }

  void Enter(const YAML::Mark& mark, YamlNode* node) {
    if (open_.size() == kMaxDepth) Refuse(mark, absl::StrCat("is nested more than ", kMaxDepth, " deep"));
    open_.push_back({node});
  }

  void LeaveTop() {
    YamlNode* node = open_.back().node;
    open_.pop_back();
    Leave(node);
  }

  void Leave(const YamlNode*) {
    if (open_.empty() || open_.back().node->kind != YamlNode::Kind::kMapping) return;
    open_.back().value_next = !open_.back().value_next;
  }

  YamlNode* root_;
  std::vector<Open> open_;
};

// yaml-cpp counts columns in bytes; people count characters.
class ColumnFixer {
 public:
  explicit ColumnFixer(const std::string& text) : text_(text) {
    starts_.push_back(0);
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }

  void Fix(YamlNode& node) const {
    node.column = Column(node.line, node.column);
    for (YamlNode& item : node.items) Fix(item);
    for (auto& [key, value] : node.entries) {
      Fix(key);
      Fix(value);
    }
  }

  int Column(int line, int byte_column) const {
    if (line < 1 || static_cast<size_t>(line) > starts_.size()) return byte_column;
    int column = 1;
    const size_t begin = starts_[line - 1];
    for (size_t i = begin; i < text_.size() && static_cast<int>(i - begin) < byte_column - 1; ++i) {
      column += (static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80;
    }
    return column;
  }

 private:
  const std::string& text_;
  std::vector<size_t> starts_;  // of the lines
};

}  // namespace

YamlReading ParseYaml(const std::string& text, const YamlWords& words) {
  YamlReading reading;
  YamlNode root;
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder(&root);
    if (!parser.HandleNextDocument(builder)) {
      reading.problem = YamlViolation{0, 0, "", words.when_empty};
      return reading;
    }
    YamlNode second;
    TreeBuilder second_builder(&second);
    if (parser.HandleNextDocument(second_builder)) {
      reading.problem =
          YamlViolation{second.line, second.column, "", "begins a second document; must be one"};
      return reading;
    }
  } catch (const YAML::Exception& error) {
    const int line = error.mark.line + 1;
    reading.problem =
        YamlViolation{line, ColumnFixer(text).Column(line, error.mark.column + 1), "",
                      absl::StrCat("is not YAML that ", words.documents, " use: ", ToValidUtf8(error.msg))};
    return reading;
  }
  ColumnFixer(text).Fix(root);
  reading.root = std::move(root);
  return reading;
}

std::string Describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kEmpty:
      return "empty";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMapping:
      return "a mapping";
    case YamlNode::Kind::kScalar:
      break;
  }
  const std::string shown = TruncateUtf8(node.text, kMaxShownBytes);
  return node.quoted ? absl::StrCat("the text \"", shown, "\"") : shown;
}

}  // namespace sda
