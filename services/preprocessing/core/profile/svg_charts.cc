#include "services/preprocessing/core/profile/svg_charts.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "common/base/utf8.h"

namespace sda::preprocessing {
namespace {

constexpr double kWidth = 340;
constexpr double kHeight = 110;
constexpr double kBottom = 92;  // of the plot; text lies below
constexpr double kTop = 14;

std::string Open(const char* label) {
  return absl::StrFormat("<svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">", kWidth, kHeight,
                         label);
}

std::string Title(const std::string& title) {
  return absl::StrCat("<title>", EscapeHtml(title), "</title>");
}

std::string Text(double x, double y, const char* anchor, const std::string& text) {
  return absl::StrFormat("<text class=\"text\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>", x, y,
                         anchor, EscapeHtml(text));
}

std::string Axis() {
  return absl::StrFormat("<line class=\"axis\" x1=\"0\" y1=\"%g\" x2=\"%g\" y2=\"%g\"/>", kBottom, kWidth,
                         kBottom);
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : ToValidUtf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\xef\xbf\xbd";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string HistogramChart(const std::vector<HistogramBar>& bars, const std::string& first,
                           const std::string& last) {
  double most = 0;
  for (const HistogramBar& bar : bars) most = std::max({most, bar.share, bar.other_share.value_or(0)});
  const auto height = [&](double share) { return most > 0 ? share / most * (kBottom - kTop) : 0; };
  const double step = kWidth / static_cast<double>(std::max<size_t>(bars.size(), 1));
  std::string svg = Open("histogram");
  for (size_t i = 0; i < bars.size(); ++i) {
    const double x = step * static_cast<double>(i);
    const double tall = height(bars[i].share);
    absl::StrAppendFormat(
        &svg, "<rect class=\"bar\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\">%s</rect>", x + 1,
        kBottom - tall, std::max(step - 2, 0.5), tall, Title(bars[i].title));
    if (!bars[i].other_share) continue;
    const double y = kBottom - height(*bars[i].other_share);
    absl::StrAppendFormat(&svg, "<line class=\"outline\" x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\"/>",
                          x + 0.5, y, x + step - 0.5, y);
  }
  absl::StrAppend(&svg, Axis(), Text(0, kHeight - 4, "start", first), Text(kWidth, kHeight - 4, "end", last),
                  Text(kWidth, kTop - 3, "end", absl::StrFormat("%.3g %%", 100 * most)), "</svg>");
  return svg;
}

std::string RateChart(const std::vector<RatePoint>& points, double prior) {
  double most = prior;
  for (const RatePoint& point : points) most = std::max(most, point.rate);
  const auto y_of = [&](double rate) { return kBottom - (most > 0 ? rate / most * (kBottom - kTop) : 0); };
  std::string svg = Open("label rate");
  double x = 0;
  for (const RatePoint& point : points) {
    const double width = point.weight * kWidth;
    const double y = y_of(point.rate);
    absl::StrAppendFormat(
        &svg, "<rect class=\"dot\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\">%s</rect>", x + 0.5,
        y, std::max(width - 1, 1.0), kBottom - y, Title(point.title));
    x += width;
  }
  absl::StrAppendFormat(&svg, "<line class=\"prior\" x1=\"0\" y1=\"%.2f\" x2=\"%g\" y2=\"%.2f\"/>",
                        y_of(prior), kWidth, y_of(prior));
  absl::StrAppend(&svg, Axis(), Text(0, kHeight - 4, "start", "smallest"),
                  Text(kWidth, kHeight - 4, "end", "largest"),
                  Text(kWidth, kTop - 3, "end", absl::StrFormat("%.3g %%", 100 * most)), "</svg>");
  return svg;
}

std::string ShareBar(double share) {
  return absl::StrFormat(
      "<svg class=\"share\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect "
      "class=\"bar\" "
      "width=\"%.2f\" height=\"8\"/></svg>",
      100 * std::clamp(share, 0.0, 1.0));
}

}  // namespace sda::preprocessing
