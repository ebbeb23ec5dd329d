#include "clients/cli/commands/terminal.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clients/cli/process/file_io.h"
#include "common/base/clock.h"

namespace sda::cli {
namespace {

constexpr const char* kEraseLine = "\r\x1b[K";

// Standard error is written at once and errors on it have no other place to go.
void WriteError(const std::string& text) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

int TerminalWidth() {
  constexpr int kFallback = 80;
  constexpr int kNarrowest = 20;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kFallback;
  return std::max<int>(size.ws_col - 1, kNarrowest);
}

bool IsTerminal() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* type = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (type == nullptr || std::strcmp(type, "dumb") != 0);
}

}  // namespace

Terminal::Terminal(bool quiet) : quiet_(quiet), bar_(IsTerminal()) {}

Terminal::~Terminal() {
  ClearBar();
}

absl::Status Terminal::Print(const std::string& text) {
  ClearBar();
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = write(STDOUT_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("cannot write to", "standard output", errno);
    rest.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

void Terminal::Say(const std::string& line) {
  if (quiet_) return;
  std::lock_guard lock(mutex_);
  const std::string bar = drawn_;
  Erase();
  WriteError(line + "\n");
  drawn_ = bar;
  Draw();
}

void Terminal::Show(const ProgressView& view) {
  if (quiet_) return;
  std::lock_guard lock(mutex_);
  if (bar_) {
    Erase();
    drawn_ = RenderBar(view, TerminalWidth());
    Draw();
  } else if (throttle_.ShouldPrint(view, RealClock::Get().Monotonic())) {
    WriteError(RenderLine(view) + "\n");
  }
}

void Terminal::ClearBar() {
  std::lock_guard lock(mutex_);
  Erase();
}

void Terminal::Error(const std::string& text) {
  std::lock_guard lock(mutex_);
  Erase();
  std::string lines;
  for (const auto line : absl::StrSplit(text, '\n')) absl::StrAppend(&lines, "sda: ", line, "\n");
  WriteError(lines);
}

void Terminal::Erase() {
  if (!drawn_.empty()) WriteError(kEraseLine);
  drawn_.clear();
}

void Terminal::Draw() {
  if (!drawn_.empty()) WriteError(drawn_);
}

}  // namespace sda::cli
