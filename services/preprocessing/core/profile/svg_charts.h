#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_SVG_CHARTS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_SVG_CHARTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sda::preprocessing {

// Small charts as inline SVG for a page that needs neither scripts nor other files. Colours come from the
// page's CSS classes: bar, outline, axis, dot, prior, text.

// Text for HTML and XML: & < > " ' escaped, control characters and bytes that are no UTF-8 replaced by
// U+FFFD.
std::string EscapeHtml(std::string_view text);

struct HistogramBar {
  std::string title;                  // shown when pointed at
  double share = 0;                   // of all rows, in [0, 1]
  std::optional<double> other_share;  // of the rows compared with, as an outline
};

// Vertical bars from the left to the right, with `first` and `last` below the ends.
std::string HistogramChart(const std::vector<HistogramBar>& bars, const std::string& first,
                           const std::string& last);

struct RatePoint {
  std::string title;
  double rate = 0;    // in [0, 1]
  double weight = 0;  // share of the rows: the dot's width on the axis
};

// Rates as steps over the shares of rows they stand for, with a dashed line at `prior`. The axis begins at 0.
std::string RateChart(const std::vector<RatePoint>& points, double prior);

// One horizontal bar of `share` in [0, 1] of the full width.
std::string ShareBar(double share);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_SVG_CHARTS_H_
