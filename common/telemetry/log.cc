#include "common/telemetry/log.h"

#include <cmath>
#include <memory>
#include <mutex>

#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace sda::log {
namespace {

using Json = nlohmann::ordered_json;

struct Sink {
  Sink() : logger("sda", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_pattern("%v");
    logger.set_level(spdlog::level::info);
    logger.flush_on(spdlog::level::trace);
  }
  spdlog::logger logger;
  std::mutex mutex;
  std::string service;  // guarded by mutex
};

Sink& TheSink() {
  static Sink* sink = new Sink;  // never destroyed: threads may log while the process exits
  return *sink;
}

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

Json ToJson(const Field::Value& value) {
  return std::visit(
      [](const auto& v) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, double>) {
          if (!std::isfinite(v)) return nullptr;
        }
        return v;
      },
      value);
}

}  // namespace

std::optional<Level> ParseLevel(std::string_view text) {
  for (Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (text == LevelName(level)) return level;
  }
  return std::nullopt;
}

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "error";
}

void Configure(std::string_view service, Level lowest) {
  Sink& sink = TheSink();
  sink.logger.set_level(ToSpdlog(lowest));
  std::lock_guard lock(sink.mutex);
  sink.service = service;
}

bool IsEnabled(Level level) {
  return TheSink().logger.should_log(ToSpdlog(level));
}

std::string FormatLine(std::string_view time, Level level, std::string_view service, std::string_view message,
                       std::span<const Field> fields) {
  Json line;
  line["time"] = time;
  line["level"] = LevelName(level);
  line["service"] = service;
  line["message"] = message;
  for (const Field& field : fields) line[field.key()] = ToJson(field.value());
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void Write(Level level, std::string_view message, std::span<const Field> fields) {
  if (!IsEnabled(level)) return;
  Sink& sink = TheSink();
  std::string service;
  {
    std::lock_guard lock(sink.mutex);
    service = sink.service;
  }
  const std::string time = absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone());
  sink.logger.log(ToSpdlog(level), "{}", FormatLine(time, level, service, message, fields));
}

void Flush() {
  TheSink().logger.flush();
}

}  // namespace sda::log
