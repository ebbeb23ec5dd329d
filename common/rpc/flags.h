#ifndef SDA_COMMON_RPC_FLAGS_H_
#define SDA_COMMON_RPC_FLAGS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

namespace sda::rpc {

// The settings of a program: each is a command line flag `--some-name VALUE` and a key `some-name` (or
// `some_name`) of one YAML file given by `--config FILE`. A flag beats the file, the file beats the default.
// Keys may stand at the top of the file or below the program's own section (`optimizer:`), which beats the
// top; other services' sections are passed over, so that one file can serve the suite.
//
// An unknown key, a value of the wrong form or out of range, a key given twice: INVALID_ARGUMENT that names
// file, line, key, value and what is allowed. Not thread-safe.
class Flags {
 public:
  enum class Secrecy { kPublic, kSecret, kUrl };  // logged as it is; not at all; without the password in it

  // `program` is the binary's name, `section` its section of the file, e.g. "sda-optimizer" and "optimizer".
  Flags(std::string program, std::string section, std::string description);
  ~Flags();
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;

  // Each declares a setting. `*target` holds the default and receives the value; it must outlive Parse.
  // `name` is in lower case with dashes. `help` is a phrase without a final dot.
  void Text(std::string name, std::string* target, std::string help, Secrecy secrecy = Secrecy::kPublic);
  void Texts(std::string name, std::vector<std::string>* target,
             std::string help);  // "a,b", or the flag repeated
  void Choice(std::string name, std::string* target, std::string help, std::vector<std::string> allowed);
  void Switch(std::string name, bool* target, std::string help);
  void Integer(std::string name, int64_t* target, std::string help, int64_t low, int64_t high);
  void Integer(std::string name, int* target, std::string help, int low, int high);
  void Real(std::string name, double* target, std::string help, double low, double high);
  void Bytes(std::string name, int64_t* target, std::string help, int64_t low,
             int64_t high);  // "64MiB", "1GB", "512"
  void Duration(std::string name, absl::Duration* target, std::string help, absl::Duration low,
                absl::Duration high);  // "1m30s", "250ms"

  // Reads command line and file into the targets. CANCELLED, with the text to print as its message, when help
  // was asked for. After an error the targets are unspecified.
  absl::Status Parse(int argc, const char* const* argv);

  // Parse for main(): prints help or the error; returns the exit code to end with (0 after help, 2 after an
  // error), or nothing when the program shall go on.
  std::optional<int> ParseOrExit(int argc, const char* const* argv);

  // What is in force after Parse.
  struct Setting {
    std::string name;
    std::string value;   // redacted
    std::string source;  // "default", "flag" or "FILE:LINE"
  };
  std::vector<Setting> Effective() const;

  const std::string& program() const;
  const std::string& section() const;

 private:
  struct Option;
  struct State;
  Option& Declare(std::string name, std::string help, Secrecy secrecy, bool is_switch = false);

  std::unique_ptr<State> state_;
};

// `url` with the password of "scheme://user:password@host" or of "password=…" replaced by "***".
std::string RedactUrl(std::string_view url);

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_FLAGS_H_
