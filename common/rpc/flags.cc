#include "common/rpc/flags.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <utility>

#include <CLI/CLI.hpp>
#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <yaml-cpp/yaml.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/base/utf8.h"
#include "common/base/version.h"

namespace sda::rpc {
namespace {

// One file may configure the whole suite.
constexpr std::string_view kSections[] = {"advisor",       "optimizer", "trainer-worker",
                                          "preprocessing", "gateway",   "cli"};

// Writes a text into a target, or says what is allowed instead.
using Setter = std::function<std::optional<std::string>(const std::vector<std::string>&)>;
using Getter = std::function<std::string()>;

std::string WithDashes(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return key;
}

std::string FormatBytes(int64_t bytes) {
  for (const auto& [unit, size] :
       {std::pair("GiB", int64_t{1} << 30), {"MiB", int64_t{1} << 20}, {"KiB", int64_t{1} << 10}}) {
    if (bytes >= size && bytes % size == 0) return absl::StrCat(bytes / size, unit);
  }
  return absl::StrCat(bytes);
}

std::optional<int64_t> ParseBytes(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  int64_t number = 0;
  if (!absl::SimpleAtoi(ToAbsl(text.substr(0, digits)), &number)) return std::nullopt;
  int64_t unit = 0;
  for (const auto& [suffix, size] : {std::pair<std::string_view, int64_t>("", 1),
                                     {"B", 1},
                                     {"kB", 1000},
                                     {"KB", 1000},
                                     {"KiB", 1 << 10},
                                     {"MB", 1'000'000},
                                     {"MiB", 1 << 20},
                                     {"GB", 1'000'000'000},
                                     {"GiB", 1 << 30},
                                     {"TB", 1'000'000'000'000},
                                     {"TiB", int64_t{1} << 40}}) {
    if (absl::StripAsciiWhitespace(ToAbsl(text.substr(digits))) == ToAbsl(suffix)) unit = size;
  }
  if (unit == 0 || number > std::numeric_limits<int64_t>::max() / unit) return std::nullopt;
  return number * unit;
}

std::string FormatReal(double value) {
  return absl::StrCat(value);
}

}  // namespace

struct Flags::Option {
  std::string name;
  Secrecy secrecy;
  Setter set;
  Getter get;
  bool repeats = false;  // takes several values
  CLI::Option* cli = nullptr;
  std::string source = "default";
  int rank = 0;  // of the source: 0 default, 1 top of the file, 2 the program's section, 3 flag
};

struct Flags::State {
  State(std::string program, std::string section, std::string description)
      : program(std::move(program)), section(std::move(section)), app(std::move(description), this->program) {
    app.set_version_flag("--version", std::string(Version()));
    app.add_option("--config", config_file, "YAML file with any of these settings as keys; flags beat it")
        ->type_name("FILE");
  }

  Option* Find(const std::string& name) {
    for (auto& option : options) {
      if (option->name == name) return option.get();
    }
    return nullptr;
  }

  absl::Status Apply(Option& option, const std::vector<std::string>& values, const std::string& where,
                     int rank, const std::string& source) {
    if (auto allowed = option.set(values)) {
      const std::string shown = option.secrecy == Secrecy::kPublic ? absl::StrJoin(values, ",") : "***";
      return InvalidField(where, absl::StrCat("\"", shown, "\" is not allowed; must be ", *allowed));
    }
    option.rank = rank;
    option.source = source;
    return absl::OkStatus();
  }

  absl::Status ReadFile();
  absl::Status ReadMap(const YAML::Node& map, bool top, int rank);

  std::string program;
  std::string section;
  CLI::App app;
  std::string config_file;
  std::vector<std::unique_ptr<Option>> options;
};

Flags::Flags(std::string program, std::string section, std::string description)
    : state_(std::make_unique<State>(std::move(program), std::move(section), std::move(description))) {}
Flags::~Flags() = default;

const std::string& Flags::program() const {
  return state_->program;
}
const std::string& Flags::section() const {
  return state_->section;
}

Flags::Option& Flags::Declare(std::string name, std::string help, Secrecy secrecy, bool is_switch) {
  auto option = std::make_unique<Option>();
  option->name = std::move(name);
  option->secrecy = secrecy;
  // CLI11 only splits the command line; values are read in one place for flags and file.
  if (is_switch) {
    option->cli = state_->app.add_flag("--" + option->name);
    option->cli->description(std::move(help));
  } else {
    option->cli = state_->app.add_option(
        "--" + option->name, [](const CLI::results_t&) { return true; }, std::move(help));
  }
  state_->options.push_back(std::move(option));
  return *state_->options.back();
}

void Flags::Text(std::string name, std::string* target, std::string help, Secrecy secrecy) {
  Option& option = Declare(std::move(name), std::move(help), secrecy);
  option.get = [target] { return *target; };
  option.set = [target](const auto& values) -> std::optional<std::string> {
    *target = values.at(0);
    return std::nullopt;
  };
  option.cli->type_name("TEXT");
}

void Flags::Texts(std::string name, std::vector<std::string>* target, std::string help) {
  Option& option = Declare(std::move(name), std::move(help), Secrecy::kPublic);
  option.repeats = true;
  option.get = [target] { return absl::StrJoin(*target, ","); };
  option.set = [target](const auto& values) -> std::optional<std::string> {
    target->clear();
    for (const std::string& value : values) {
      for (absl::string_view part : absl::StrSplit(value, ',', absl::SkipWhitespace())) {
        target->push_back(std::string(absl::StripAsciiWhitespace(part)));
      }
    }
    return std::nullopt;
  };
  option.cli->type_name("TEXT[,TEXT...]")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void Flags::Choice(std::string name, std::string* target, std::string help,
                   std::vector<std::string> allowed) {
  Option& option = Declare(std::move(name), std::move(help), Secrecy::kPublic);
  option.cli->type_name(absl::StrJoin(allowed, "|"));
  option.get = [target] { return *target; };
  option.set = [target, allowed = std::move(allowed)](const auto& values) -> std::optional<std::string> {
    if (std::find(allowed.begin(), allowed.end(), values.at(0)) == allowed.end()) {
      return absl::StrCat("one of ", absl::StrJoin(allowed, ", "));
    }
    *target = values.at(0);
    return std::nullopt;
  };
}

void Flags::Switch(std::string name, bool* target, std::string help) {
  // On the command line "--name" or "--name=false"; a word behind it is not its value.
  Option& option = Declare(std::move(name), std::move(help), Secrecy::kPublic, /*is_switch=*/true);
  option.get = [target] { return *target ? "true" : "false"; };
  option.set = [target](const auto& values) -> std::optional<std::string> {
    if (values.at(0) == "true") {
      *target = true;
    } else if (values[0] == "false") {
      *target = false;
    } else {
      return "true or false";
    }
    return std::nullopt;
  };
}

void Flags::Integer(std::string name, int64_t* target, std::string help, int64_t low, int64_t high) {
  Option& option = Declare(std::move(name), std::move(help), Secrecy::kPublic);
  option.cli->type_name("INTEGER");
  option.get = [target] { return absl::StrCat(*target); };
  option.set = [target, low, high](const auto& values) -> std::optional<std::string> {
    int64_t value = 0;
    if (!absl::SimpleAtoi(values.at(0), &value) || value < low || value > high) {
      return absl::StrCat("an integer from ", low, " to ", high);
    }
    *target = value;
    return std::nullopt;
  };
}

void Flags::Integer(std::string name, int* target, std::string help, int low, int high) {
  Option& option = Declare(std::move(name), std::move(help), Secrecy::kPublic);
  option.cli->type_name("INTEGER");
  option.get = [target] { return absl::StrCat(*target); };
  option.set = [target, low, high](const auto& values) -> std::optional<std::string> {
    int value = 0;
    if (!absl::SimpleAtoi(values.at(0), &value) || value < low || value > high) {
      return absl::StrCat("an integer from ", low, " to ", high);
    }
    *target = value;
    return std::nullopt;
  };
}

void Flags::Real(std::string name, double* target, std::string help, double low, double high) {
  Option& option = Declare(std::move(name), std::move(help), Secrecy::kPublic);
  option.cli->type_name("NUMBER");
  option.get = [target] { return FormatReal(*target); };
  option.set = [target, low, high](const auto& values) -> std::optional<std::string> {
    double value = 0;
    if (!absl::SimpleAtod(values.at(0), &value) || !(value >= low && value <= high)) {
      return absl::StrCat("a number from ", FormatReal(low), " to ", FormatReal(high));
    }
    *target = value;
    return std::nullopt;
  };
}

void Flags::Bytes(std::string name, int64_t* target, std::string help, int64_t low, int64_t high) {
  Option& option = Declare(std::move(name), std::move(help), Secrecy::kPublic);
  option.cli->type_name("BYTES");
  option.get = [target] { return FormatBytes(*target); };
  option.set = [target, low, high](const auto& values) -> std::optional<std::string> {
    const auto value = ParseBytes(values.at(0));
    if (!value || *value < low || *value > high) {
      return absl::StrCat("a size from ", FormatBytes(low), " to ", FormatBytes(high), ", e.g. 64MiB");
    }
    *target = *value;
    return std::nullopt;
  };
}

void Flags::Duration(std::string name, absl::Duration* target, std::string help, absl::Duration low,
                     absl::Duration high) {
  Option& option = Declare(std::move(name), std::move(help), Secrecy::kPublic);
  option.cli->type_name("DURATION");
  option.get = [target] { return absl::FormatDuration(*target); };
  option.set = [target, low, high](const auto& values) -> std::optional<std::string> {
    absl::Duration value;
    if (!absl::ParseDuration(values.at(0), &value) || value < low || value > high) {
      return absl::StrCat("a duration from ", absl::FormatDuration(low), " to ", absl::FormatDuration(high),
                          ", e.g. 1m30s");
    }
    *target = value;
    return std::nullopt;
  };
}

absl::Status Flags::State::ReadMap(const YAML::Node& map, bool top, int rank) {
  const auto where = [&](const YAML::Node& node) {
    return absl::StrCat(config_file, ":", node.Mark().line + 1);
  };
  std::vector<std::string> seen;
  for (const auto& entry : map) {
    const YAML::Node& key_node = entry.first;
    const YAML::Node& value = entry.second;
    if (!key_node.IsScalar()) return InvalidField(where(key_node), "the key must be plain text");
    const std::string key = WithDashes(key_node.Scalar());
    const std::string place = absl::StrCat(where(key_node), ": ", key_node.Scalar());
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) return InvalidField(place, "is given twice");
    seen.push_back(key);

    const bool is_section =
        key == section || std::find(std::begin(kSections), std::end(kSections), key) != std::end(kSections);
    if (top && is_section && (value.IsMap() || value.IsNull())) {
      if (key == section && value.IsMap()) SDA_RETURN_IF_ERROR(ReadMap(value, /*top=*/false, 2));
      continue;
    }
    Option* option = Find(key);
    if (option == nullptr) {
      std::vector<std::string> known;
      for (const auto& o : options) known.push_back(o->name);
      return InvalidField(place, absl::StrCat("unknown key; known are ", absl::StrJoin(known, ", ")));
    }
    std::vector<std::string> values;
    if (value.IsScalar()) {
      values.push_back(value.Scalar());
    } else if (value.IsSequence() && option->repeats) {
      for (const auto& item : value) {
        if (!item.IsScalar())
          return InvalidField(absl::StrCat(where(item), ": ", key), "must be a list of texts");
        values.push_back(item.Scalar());
      }
    } else {
      return InvalidField(place,
                          option->repeats ? "must be a value or a list of values" : "must be one value");
    }
    if (option->rank <= rank) SDA_RETURN_IF_ERROR(Apply(*option, values, place, rank, where(key_node)));
  }
  return absl::OkStatus();
}

absl::Status Flags::State::ReadFile() {
  if (!std::filesystem::exists(config_file)) {
    return InvalidField("--config", absl::StrCat("the file ", config_file, " does not exist"));
  }
  try {
    const YAML::Node root = YAML::LoadFile(config_file);
    if (root.IsNull()) return absl::OkStatus();
    if (!root.IsMap())
      return InvalidField(config_file + ":1", "must be a map of settings, `key: value` a line");
    return ReadMap(root, /*top=*/true, 1);
  } catch (const YAML::Exception& e) {
    return InvalidField(absl::StrCat(config_file, ":", e.mark.line + 1),
                        absl::StrCat("is no valid YAML: ", ToValidUtf8(e.msg)));
  }
}

absl::Status Flags::Parse(int argc, const char* const* argv) {
  for (const auto& option : state_->options) option->cli->default_str(option->get());
  try {
    state_->app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return absl::CancelledError(state_->app.help());
  } catch (const CLI::CallForVersion& e) {
    return absl::CancelledError(absl::StrCat(state_->program, " ", ToAbsl(Version()), "\n"));
  } catch (const CLI::ParseError& e) {
    return InvalidField("command line", absl::StrCat(e.what(), "; --help lists the options"));
  }
  for (const auto& option : state_->options) {
    if (option->cli->count() == 0) continue;
    SDA_RETURN_IF_ERROR(state_->Apply(*option, option->cli->results(), "--" + option->name, 3, "flag"));
  }
  if (!state_->config_file.empty()) SDA_RETURN_IF_ERROR(state_->ReadFile());
  return absl::OkStatus();
}

std::optional<int> Flags::ParseOrExit(int argc, const char* const* argv) {
  const absl::Status status = Parse(argc, argv);
  if (status.ok()) return std::nullopt;
  const std::string message(status.message());
  if (absl::IsCancelled(status)) {
    std::fputs(message.c_str(), stdout);
    return 0;
  }
  std::fprintf(stderr, "%s: %s\n", state_->program.c_str(), message.c_str());
  return 2;
}

std::vector<Flags::Setting> Flags::Effective() const {
  std::vector<Setting> settings;
  for (const auto& option : state_->options) {
    std::string value = option->get();
    if (option->secrecy == Secrecy::kSecret && !value.empty()) value = "***";
    if (option->secrecy == Secrecy::kUrl) value = RedactUrl(value);
    settings.push_back({option->name, std::move(value), option->source});
  }
  return settings;
}

std::string RedactUrl(std::string_view url) {
  std::string out(url);
  if (const size_t scheme = out.find("://"); scheme != std::string::npos) {
    const size_t begin = scheme + 3;
    // A password may hold '@' and '/': the last '@' before a query ends it.
    const size_t at = out.substr(0, std::min(out.find('?'), out.size())).rfind('@');
    const size_t colon = out.find(':', begin);
    if (at != std::string::npos && colon < at) out.replace(colon + 1, at - colon - 1, "***");
  }
  constexpr std::string_view kKey = "password=";
  for (size_t at = out.find(kKey); at != std::string::npos; at = out.find(kKey, at + kKey.size())) {
    const size_t begin = at + kKey.size();
    const size_t end = std::min(out.find_first_of("& ", begin), out.size());
    out.replace(begin, end - begin, "***");
  }
  return out;
}

}  // namespace sda::rpc
