#include "clients/cli/core/progress.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "clients/cli/core/table.h"

namespace sda::cli {
namespace {

constexpr absl::Duration kLongestSilence = absl::Seconds(15);

double Share(const ProgressView& view) {
  if (view.total <= 0) return 0;
  return std::clamp(static_cast<double>(view.done) / static_cast<double>(view.total), 0.0, 1.0);
}

std::string Head(const ProgressView& view) {
  return view.step > 0 ? absl::StrFormat("[%d/%d] %s", view.step, view.steps, view.what) : view.what;
}

std::string Counts(const ProgressView& view) {
  if (view.total > 0) {
    return absl::StrCat(FormatCount(view.done), "/", FormatCount(view.total), " ", view.unit);
  }
  return view.done > 0 ? absl::StrCat(FormatCount(view.done), " ", view.unit) : "";
}

std::string Remaining(const ProgressView& view) {
  return view.remaining_seconds ? absl::StrCat(FormatSeconds(*view.remaining_seconds), " left") : "";
}

// `cells` cells, an eighth of a cell exact.
std::string Bar(double share, int cells) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::lround(share * cells * 8));
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  int filled = eighths / 8;
  if (eighths % 8 != 0) {
    bar += kEighths[eighths % 8];
    ++filled;
  }
  for (; filled < cells; ++filled) bar += "░";
  return bar;
}

// The first `width` characters.
std::string Cut(const std::string& text, int width) {
  int characters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (begins && ++characters > width) return text.substr(0, i);
  }
  return text;
}

}  // namespace

std::string RenderBar(const ProgressView& view, int width) {
  constexpr int kBarCells = 24;
  constexpr int kNarrow = 70;
  std::string line = Head(view);
  if (view.total > 0 && width >= kNarrow) absl::StrAppend(&line, "  ", Bar(Share(view), kBarCells));
  for (const std::string& part : {Counts(view), Remaining(view), view.note}) {
    if (!part.empty()) absl::StrAppend(&line, "  ", part);
  }
  return Cut(line, width);
}

std::string RenderLine(const ProgressView& view) {
  std::string line = Head(view);
  std::string counts = Counts(view);
  if (view.total > 0)
    absl::StrAppend(&counts, absl::StrFormat(" (%d%%)", static_cast<int>(Share(view) * 100)));
  const char* separator = ": ";
  for (const std::string& part : {counts, Remaining(view), view.note}) {
    if (part.empty()) continue;
    absl::StrAppend(&line, separator, part);
    separator = ", ";
  }
  return line;
}

bool LineThrottle::ShouldPrint(const ProgressView& view, absl::Duration now) {
  const auto worth = [&] {
    if (!printed_ || printed_->step != view.step || printed_->what != view.what ||
        printed_->note != view.note) {
      return true;
    }
    if (*printed_ == view) return false;
    const auto tenth = [](const ProgressView& v) { return static_cast<int>(Share(v) * 10); };
    return tenth(*printed_) != tenth(view) || now - printed_at_ >= kLongestSilence;
  };
  if (!worth()) return false;
  printed_ = view;
  printed_at_ = now;
  return true;
}

}  // namespace sda::cli
