#ifndef SDA_CLIENTS_CLI_COMMANDS_SIGNALS_H_
#define SDA_CLIENTS_CLI_COMMANDS_SIGNALS_H_

#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace sda::cli {

// Takes SIGINT, SIGTERM and SIGHUP on a thread of its own. The first one requests a stop, the second calls
// what OnImpatience was given, the third ends the process with exit code 130. Make one before any other
// thread, so that all inherit the blocked signals.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  std::stop_token stop() const { return stop_.get_token(); }

  // Called on the signal thread; an empty function takes the last one back.
  void OnImpatience(std::function<void()> callback);

 private:
  void Wait();

  std::stop_source stop_;
  std::mutex mutex_;
  std::function<void()> impatience_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_SIGNALS_H_
