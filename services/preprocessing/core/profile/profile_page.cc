#include "services/preprocessing/core/profile/profile_page.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/time.h>

#include "common/base/utf8.h"
#include "services/preprocessing/core/profile/svg_charts.h"

namespace sda::preprocessing {
namespace {

constexpr const char* kStyle = R"css(
:root { --ink: #1c2430; --soft: #5b6675; --line: #d9dee5; --paper: #fff; --panel: #f6f8fa; --bar: #4a7fb5;
  --other: #c2571a; --rate: #6a9f58; --bad: #b3261e; --warn: #8a5a00; --note: #345d86; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa5b4; --line: #38414d; --paper: #14181e;
  --panel: #1c222a; --bar: #6fa3d8; --other: #e58a4f; --rate: #86bd72; --bad: #ff8a80; --warn: #e0b050; --note: #8fb8e0; } }
body { margin: 0 auto; max-width: 1180px; padding: 1.2rem; color: var(--ink); background: var(--paper);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; } p { margin: .2rem 0; } .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td.n, th.n { text-align: right; white-space: nowrap; }
td.v { overflow-wrap: anywhere; max-width: 22rem; } section td.n { white-space: normal; } .scroll { overflow-x: auto; }
.ERROR { color: var(--bad); font-weight: 600; } .WARNING { color: var(--warn); font-weight: 600; }
.NOTICE { color: var(--note); } a { color: inherit; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; margin: .8rem 0;
  break-inside: avoid; }
.grid { display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; } .grid > div { flex: 1 1 300px; max-width: 520px; min-width: 0; }
svg { width: 100%; height: auto; display: block; } svg.share { height: 8px; min-width: 60px; margin-top: .45em; }
.bar { fill: var(--bar); } .dot { fill: var(--rate); } .outline { stroke: var(--other); stroke-width: 2; }
.axis { stroke: var(--line); } .prior { stroke: var(--ink); stroke-dasharray: 4 3; }
figure svg { max-width: 460px; }
.text { font: 10px system-ui, sans-serif; fill: var(--soft); } figure { margin: .4rem 0; }
figcaption { color: var(--soft); font-size: .85rem; }
)css";

double Share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string Percent(double share) {
  return absl::StrFormat("%.3g %%", 100 * share);
}

std::string Figure(double value) {
  return absl::StrFormat("%.4g", value);
}

std::string Figure(const std::optional<double>& value) {
  return value ? absl::StrFormat("%.3f", *value) : "";
}

// 1234567 as "1,234,567".
std::string Count(int64_t count) {
  std::string digits = absl::StrCat(count);
  for (size_t at = digits.size(); at > 3 + (count < 0 ? 1U : 0U);) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string TimeText(double seconds) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::UnixEpoch() + absl::Seconds(seconds),
                          absl::UTCTimeZone());
}

std::string ValueText(const ProfiledColumn& column, double value) {
  return column.kind == ColumnKind::kTime ? TimeText(value) : absl::StrFormat("%.6g", value);
}

const char* KindName(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kNumber:
      return "number";
    case ColumnKind::kCategory:
      return "category";
    case ColumnKind::kTime:
      return "time";
    case ColumnKind::kLabel:
      return "label";
  }
  return "";
}

const char* SeverityName(ProfileWarning::Severity severity) {
  switch (severity) {
    case ProfileWarning::Severity::kError:
      return "ERROR";
    case ProfileWarning::Severity::kWarning:
      return "WARNING";
    case ProfileWarning::Severity::kNotice:
      break;
  }
  return "NOTICE";
}

class Page {
 public:
  explicit Page(const DataProfile& profile) : profile_(profile) {}

  std::string Render() {
    absl::StrAppend(&html_,
                    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                    "<title>Data profile</title><style>",
                    kStyle, "</style></head><body>\n");
    Head();
    Warnings();
    Overview();
    absl::StrAppend(&html_, "<h2>Columns one by one</h2>\n");
    for (size_t i = 0; i < profile_.columns.size(); ++i) ColumnSection(i);
    absl::StrAppend(&html_, "</body></html>\n");
    return std::move(html_);
  }

 private:
  bool labelled() const { return !profile_.label.empty(); }
  bool compared() const { return profile_.test_rows > 0; }

  void Head() {
    absl::StrAppend(&html_, "<h1>Data profile</h1>\n<p>", Count(profile_.rows), " rows, ",
                    Count(static_cast<int64_t>(profile_.columns.size())), " columns, ",
                    Count(profile_.input_bytes), " bytes in ",
                    Count(static_cast<int64_t>(profile_.files.size())),
                    profile_.files.size() == 1 ? " file" : " files");
    if (labelled()) {
      absl::StrAppend(&html_, "; label <b>", EscapeHtml(profile_.label), "</b> positive in ",
                      Count(profile_.positives), " (", Percent(Share(profile_.positives, profile_.rows)),
                      ")");
    }
    absl::StrAppend(&html_, ".</p>\n");
    if (compared()) {
      absl::StrAppend(&html_, "<p>Compared with ", Count(profile_.test_rows), " test rows (",
                      EscapeHtml(profile_.split), ")");
      if (labelled())
        absl::StrAppend(&html_, ", positive in ",
                        Percent(Share(profile_.test_positives, profile_.test_rows)));
      absl::StrAppend(&html_, "; every other figure is of the training rows.</p>\n");
    }
    absl::StrAppend(&html_, "<p class=\"soft\">");
    constexpr size_t kNamedFiles = 5;
    for (size_t i = 0; i < std::min(kNamedFiles, profile_.files.size()); ++i)
      absl::StrAppend(&html_, i == 0 ? "" : ", ", EscapeHtml(profile_.files[i]));
    absl::StrAppend(&html_, profile_.files.size() > kNamedFiles ? ", …" : "", "</p>\n");
  }

  void Warnings() {
    absl::StrAppend(&html_, "<h2>What to look at</h2>\n");
    if (profile_.warnings.empty()) {
      absl::StrAppend(&html_, "<p>Nothing stands out.</p>\n");
      return;
    }
    absl::StrAppend(
        &html_,
        "<div class=\"scroll\"><table><thead><tr><th></th><th>Column</th><th>What</th><th class=\"n\">Figure"
        "</th><th class=\"n\">Bound</th><th>What to do</th></tr></thead><tbody>\n");
    for (const ProfileWarning& warning : profile_.warnings) {
      const char* severity = SeverityName(warning.severity);
      absl::StrAppend(&html_, "<tr><td class=\"", severity, "\">", severity, "</td><td class=\"v\">",
                      LinkTo(warning.column), "</td><td><b>", EscapeHtml(warning.code), "</b> ",
                      EscapeHtml(warning.message));
      absl::StrAppend(&html_, "</td><td class=\"n\">", Figure(warning.figure), "</td><td class=\"n\">",
                      Figure(warning.threshold), "</td><td>", EscapeHtml(warning.suggestion), "</td></tr>\n");
    }
    absl::StrAppend(&html_, "</tbody></table></div>\n");
  }

  std::string LinkTo(const std::string& column) const {
    for (size_t i = 0; i < profile_.columns.size(); ++i) {
      if (profile_.columns[i].name == column)
        return absl::StrCat("<a href=\"#c", i, "\">", EscapeHtml(column), "</a>");
    }
    return EscapeHtml(column);
  }

  void Cell(const std::string& text) { absl::StrAppend(&html_, "<td class=\"n\">", text, "</td>"); }

  void Overview() {
    absl::StrAppend(
        &html_,
        "<h2>All columns</h2>\n<div class=\"scroll\"><table><thead><tr><th>Column</th><th>Kind</th><th "
        "class=\"n\">Missing</th><th class=\"n\">Distinct</th><th class=\"n\">Mean or top share</th>");
    if (labelled())
      absl::StrAppend(
          &html_,
          "<th class=\"n\">AUC alone</th><th class=\"n\">Information</th><th class=\"n\">Pearson or V</th>");
    if (compared()) absl::StrAppend(&html_, "<th class=\"n\">PSI</th><th class=\"n\">KS</th>");
    absl::StrAppend(&html_, "</tr></thead><tbody>\n");
    for (const ProfiledColumn& column : profile_.columns) OverviewRow(column);
    absl::StrAppend(&html_, "</tbody></table></div>\n");
  }

  void OverviewRow(const ProfiledColumn& column) {
    absl::StrAppend(&html_, "<tr><td class=\"v\">", LinkTo(column.name), "</td><td>", KindName(column.kind),
                    "</td>");
    Cell(Percent(Share(column.missing_rows, profile_.rows)));
    Cell(absl::StrCat(column.distinct_relative_error > 0 ? "≈ " : "", Count(column.distinct)));
    if (column.kind == ColumnKind::kTime) {
      Cell("");
    } else if (column.number) {
      Cell(Figure(column.number->mean));
    } else {
      Cell(column.top_values.empty() ? "" : Percent(Share(column.top_values.front().rows, column.values)));
    }
    if (labelled()) {
      Cell(column.label ? Figure(std::optional(column.label->strongest_auc())) : "");
      Cell(column.label ? Percent(column.label->mutual_information_share) : "");
      Cell(column.label ? Figure(column.label->pearson ? column.label->pearson : column.label->cramers_v)
                        : "");
    }
    if (compared()) {
      Cell(column.drift ? Figure(column.drift->population_stability_index) : "");
      Cell(column.drift ? Figure(column.drift->kolmogorov_smirnov) : "");
    }
    absl::StrAppend(&html_, "</tr>\n");
  }

  void ColumnSection(size_t i) {
    const ProfiledColumn& column = profile_.columns[i];
    absl::StrAppend(&html_, "<section id=\"c", i, "\"><h3>", EscapeHtml(column.name),
                    "</h3><p class=\"soft\">", KindName(column.kind), ": ", EscapeHtml(column.reason),
                    "</p>\n");
    for (const ProfileWarning& warning : profile_.warnings) {
      if (warning.column != column.name) continue;
      absl::StrAppend(&html_, "<p><span class=\"", SeverityName(warning.severity), "\">",
                      EscapeHtml(warning.code), "</span> ", EscapeHtml(warning.message),
                      ". <span class=\"soft\">", EscapeHtml(warning.suggestion), ".</span></p>\n");
    }
    absl::StrAppend(&html_, "<div class=\"grid\"><div>");
    Facts(column);
    absl::StrAppend(&html_, "</div>");
    if (column.number) Charts(column);
    if (!column.top_values.empty() && !(column.number && column.distinct > kHistogramLimit))
      TopValues(column);
    absl::StrAppend(&html_, "</div></section>\n");
  }

  void Fact(const std::string& name, const std::string& text) {
    if (!text.empty())
      absl::StrAppend(&html_, "<tr><th>", name, "</th><td class=\"n\">", EscapeHtml(text), "</td></tr>");
  }

  void Facts(const ProfiledColumn& column) {
    absl::StrAppend(&html_, "<table>");
    Fact("values", Count(column.values));
    Fact("missing", absl::StrCat(Count(column.missing_rows), " (",
                                 Percent(Share(column.missing_rows, profile_.rows)), ")"));
    if (column.invalid_rows > 0) Fact("invalid", Count(column.invalid_rows));
    Fact("distinct", column.distinct_relative_error > 0
                         ? absl::StrCat("≈ ", Count(column.distinct), " (± ",
                                        Percent(column.distinct_relative_error), ")")
                         : Count(column.distinct));
    if (column.number) NumberFacts(column, *column.number);
    if (column.zipf_exponent) Fact("Zipf exponent", Figure(*column.zipf_exponent));
    if (column.label) LabelFacts(*column.label);
    if (column.drift) DriftFacts(*column.drift);
    absl::StrAppend(&html_, "</table>");
  }

  void NumberFacts(const ProfiledColumn& column, const NumberSummary& number) {
    Fact("least, most", absl::StrCat(ValueText(column, number.min), ", ", ValueText(column, number.max)));
    if (column.kind == ColumnKind::kTime) {
      Fact("span", absl::StrCat(Figure((number.max - number.min) / 86400), " days"));
    } else {
      Fact("mean, deviation", absl::StrCat(ValueText(column, number.mean), ", ", Figure(number.stddev)));
      Fact("skewness", Figure(number.skewness));
      Fact("zeros, negatives", absl::StrCat(Count(number.zeros), ", ", Count(number.negatives)));
    }
    std::string shares;
    std::string values;
    for (const Quantile& quantile : number.quantiles) {
      // The others are in the other forms of the profile.
      if (quantile.share == 0.05 || quantile.share == 0.95) continue;
      absl::StrAppend(&shares, shares.empty() ? "" : ", ", absl::StrFormat("%g", 100 * quantile.share));
      absl::StrAppend(&values, values.empty() ? "" : ", ", ValueText(column, quantile.value));
    }
    if (column.kind != ColumnKind::kTime) Fact(absl::StrCat("quantiles ", shares, " %"), values);
    if (number.quantile_rank_error > 0)
      Fact("quantiles off by at most", absl::StrCat(Percent(number.quantile_rank_error), " of the rows"));
  }

  void LabelFacts(const LabelAssociation& label) {
    Fact("AUC alone, held out", Figure(label.held_out_auc));
    Fact("AUC of the number itself", Figure(label.rank_auc));
    Fact("Pearson", Figure(label.pearson));
    Fact("Cramér's V", Figure(label.cramers_v));
    Fact("information", absl::StrCat(Figure(label.mutual_information_nats), " nats, ",
                                     Percent(label.mutual_information_share), " of the label's"));
    if (label.missing_positive_rate && label.present_positive_rate) {
      Fact("label rate missing, present",
           absl::StrCat(Percent(*label.missing_positive_rate), ", ", Percent(*label.present_positive_rate)));
    }
  }

  void DriftFacts(const ColumnDrift& drift) {
    Fact("stability index (PSI)", Figure(drift.population_stability_index));
    Fact("Kolmogorov-Smirnov", Figure(drift.kolmogorov_smirnov));
    if (drift.unseen_share) Fact("test rows with new values", Percent(*drift.unseen_share));
  }

  std::string BinText(const ProfiledColumn& column, const NumberBin& bin) const {
    std::string text = ValueText(column, bin.lower);
    if (bin.upper != bin.lower) absl::StrAppend(&text, " to ", ValueText(column, bin.upper));
    return text;
  }

  void Charts(const ProfiledColumn& column) {
    std::vector<HistogramBar> bars;
    int64_t test_rows = 0;
    for (const NumberBin& bin : column.number->histogram) test_rows += bin.test_rows;
    for (const NumberBin& bin : column.number->histogram) {
      const double share = Share(bin.rows, column.values);
      bars.push_back({absl::StrCat(BinText(column, bin), ": ", Count(bin.rows), " rows"), share,
                      test_rows > 0 ? std::optional(Share(bin.test_rows, test_rows)) : std::nullopt});
    }
    absl::StrAppend(
        &html_, "<div><figure>",
        HistogramChart(bars, ValueText(column, column.number->min), ValueText(column, column.number->max)),
        "<figcaption>Share of rows", column.number->histogram_log ? ", logarithmic axis" : "",
        test_rows > 0 ? "; line: test rows" : "", "</figcaption></figure>");
    if (labelled() && column.kind != ColumnKind::kLabel) {
      std::vector<RatePoint> points;
      for (const NumberBin& bin : column.number->equal_bins) {
        const double rate = Share(bin.positives, bin.rows);
        points.push_back({absl::StrCat(BinText(column, bin), ": label rate ", Percent(rate), " of ",
                                       Count(bin.rows), " rows"),
                          rate, Share(bin.rows, column.values)});
      }
      absl::StrAppend(&html_, "<figure>", RateChart(points, Share(profile_.positives, profile_.rows)),
                      "<figcaption>Label rate by tenths of the rows; dashed: all rows</figcaption></figure>");
    }
    absl::StrAppend(&html_, "</div>");
  }

  void TopValues(const ProfiledColumn& column) {
    const bool rates = labelled() && column.kind != ColumnKind::kLabel;
    absl::StrAppend(&html_, "<div><table><thead><tr><th>Value</th><th></th><th class=\"n\">",
                    column.top_count_error > 0 ? "Rows, at most" : "Rows", "</th>",
                    rates ? "<th class=\"n\">Label rate</th>" : "", "</tr></thead><tbody>");
    const int64_t most = column.top_values.front().rows;
    constexpr size_t kShown = 12;
    for (size_t i = 0; i < std::min(kShown, column.top_values.size()); ++i) {
      const TopValue& top = column.top_values[i];
      absl::StrAppend(&html_, "<tr><td class=\"v\">",
                      EscapeHtml(TruncateUtf8(ToValidUtf8(top.value), kLongestValue)), "</td><td>",
                      ShareBar(Share(top.rows, most)), "</td><td class=\"n\">", Count(top.rows), "</td>");
      if (rates) Cell(Percent(Share(top.positives, top.rows)));
      absl::StrAppend(&html_, "</tr>");
    }
    absl::StrAppend(&html_, "</tbody></table>");
    if (column.top_count_error > 0)
      absl::StrAppend(&html_, "<p class=\"soft\">Counts may be too high by ", Count(column.top_count_error),
                      " rows.</p>");
    absl::StrAppend(&html_, "</div>");
  }

  // Numbers with more values are shown by their histogram alone.
  static constexpr int64_t kHistogramLimit = 1000;
  // Bytes; longer ones would make a table unreadable.
  static constexpr size_t kLongestValue = 80;

  const DataProfile& profile_;
  std::string html_;
};

}  // namespace

std::string RenderProfilePage(const DataProfile& profile) {
  return Page(profile).Render();
}

}  // namespace sda::preprocessing
