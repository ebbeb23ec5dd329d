-- A store of the optimizer at its first schema version, as the first release wrote it: what later versions must be able
-- to read. Never changed. Messages are their bytes in base64. Statements end with a semicolon at the end of a line.
CREATE TABLE sda_schema (component TEXT PRIMARY KEY, version BIGINT NOT NULL, applied_at BIGINT NOT NULL);
INSERT INTO sda_schema (component, version, applied_at) VALUES ('optimizer', 1, 1700000000000000);
CREATE TABLE experiments (id TEXT PRIMARY KEY, number BIGINT NOT NULL UNIQUE, state INTEGER NOT NULL,
  archived INTEGER NOT NULL, work_type TEXT NOT NULL, timed INTEGER NOT NULL, suggestions BIGINT NOT NULL,
  revision BIGINT NOT NULL, message TEXT NOT NULL);
CREATE INDEX experiments_by_work ON experiments (state, work_type, number);
CREATE TABLE trials (experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE, number BIGINT NOT NULL,
  state INTEGER NOT NULL, token TEXT NOT NULL, counted_attempts INTEGER NOT NULL, stop_reason TEXT NOT NULL,
  memory_required BIGINT NOT NULL, memory_available BIGINT NOT NULL, memory_losses INTEGER NOT NULL,
  message TEXT NOT NULL, PRIMARY KEY (experiment, number));
CREATE INDEX trials_by_state ON trials (state, experiment, number);
CREATE TABLE measurements (experiment TEXT NOT NULL, trial BIGINT NOT NULL, position BIGINT NOT NULL,
  step BIGINT NOT NULL, superseded INTEGER NOT NULL, has_checkpoint INTEGER NOT NULL, message TEXT NOT NULL,
  PRIMARY KEY (experiment, trial, position),
  FOREIGN KEY (experiment, trial) REFERENCES trials (experiment, number) ON DELETE CASCADE);
CREATE TABLE events (seq BIGINT PRIMARY KEY, experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  trial BIGINT NOT NULL);
CREATE INDEX events_by_experiment ON events (experiment, seq);
CREATE TABLE sda_replies (request_id TEXT PRIMARY KEY, method TEXT NOT NULL, payload_sha256 TEXT NOT NULL,
  reply TEXT NOT NULL, scope TEXT NOT NULL, created_at BIGINT NOT NULL);
CREATE INDEX sda_replies_by_scope ON sda_replies (scope, created_at);
INSERT INTO experiments (id, number, state, archived, work_type, timed, suggestions, revision, message)
  VALUES ('done', 1, 3, 0, '', 0, 2, 2,
  'ChBleHBlcmltZW50cy9kb25lEgRkb25lGAMqHAoEcmF0ZRISCfyp8dJNYlA/EQAAAAAAAPA/MAIqDAoEc2l6ZRoECAEQZDIJCgNhdWMQARgBMg0KB3NlY29uZHMQAxgCQAVQAmAHaAF6BgoCCDwQA4ABDZoBCwoEbm90ZRIDb2xksgEGCIDiz6oGugEGCOTiz6oGwgEGCPTlz6oGygEBMg==');
INSERT INTO experiments (id, number, state, archived, work_type, timed, suggestions, revision, message)
  VALUES ('tuned', 2, 1, 0, 'type.example.com/Work', 0, 3, 2,
  'ChFleHBlcmltZW50cy90dW5lZBIFdHVuZWQYASocCgRyYXRlEhIJ/Knx0k1iUD8RAAAAAAAA8D8wAioMCgRzaXplGgQIARBkMgkKA2F1YxABGAEyDQoHc2Vjb25kcxADGAJABVACWh8KFXR5cGUuZXhhbXBsZS5jb20vV29yaxIGb3BhcXVlYAdoAXoGCgIIPBADgAENigEGCgQQARgBkgELCgR0ZWFtEgNhZHOyAQYIgOLPqga6AQYI5OLPqgbKAQEy');
INSERT INTO trials (experiment, number, state, token, counted_attempts, stop_reason, memory_required,
  memory_available, memory_losses, message) VALUES ('done', 1, 3, '', 1, '', 0, 0, 0,
  'ChlleHBlcmltZW50cy9kb25lL3RyaWFscy8xEAMaEQoEcmF0ZRIJCQAAAAAAAOA/GgoKBHNpemUSAhAKMAFCGQoDYXVjEhIJAAAAAAAA6D8RexSuR+F6hD9CFAoHc2Vjb25kcxIJCQAAAAAAAChAagYIiuLPqgZ6BgiQ5c+qBg==');
INSERT INTO trials (experiment, number, state, token, counted_attempts, stop_reason, memory_required,
  memory_available, memory_losses, message) VALUES ('done', 2, 5, '', 1, '', 0, 0, 0,
  'ChlleHBlcmltZW50cy9kb25lL3RyaWFscy8yEAUaEQoEcmF0ZRIJCc3MzMzMzOw/GgoKBHNpemUSAhAUMAFaIAgJEghESVZFUkdFRBoSbG9zcyBpcyBub3QgZmluaXRlagYIiuLPqgZ6BgjC5c+qBg==');
INSERT INTO trials (experiment, number, state, token, counted_attempts, stop_reason, memory_required,
  memory_available, memory_losses, message) VALUES ('tuned', 1, 3, '', 1, '', 0, 0, 0,
  'ChpleHBlcmltZW50cy90dW5lZC90cmlhbHMvMRADGhEKBHJhdGUSCQl7FK5H4XqEPxoKCgRzaXplEgIQHjABQhAKA2F1YxIJCZqZmZmZmek/YhcIAxCsAiIOCgNhdWMRmpmZmZmZ6T8wAWoGCIriz6oGegYI2uLPqgY=');
INSERT INTO trials (experiment, number, state, token, counted_attempts, stop_reason, memory_required,
  memory_available, memory_losses, message) VALUES ('tuned', 2, 2, 'token-of-two', 2, '', 0, 0, 0,
  'ChpleHBlcmltZW50cy90dW5lZC90cmlhbHMvMhACGhEKBHJhdGUSCQmamZmZmZm5PxoKCgRzaXplEgIQKDACOgF3YhcIAhDIASIOCgNhdWMRzczMzMzM7D8wAmoGCIriz6oGcgYIj+LPqgY=');
INSERT INTO trials (experiment, number, state, token, counted_attempts, stop_reason, memory_required,
  memory_available, memory_losses, message) VALUES ('tuned', 3, 1, '', 0, '', 0, 0, 0,
  'ChpleHBlcmltZW50cy90dW5lZC90cmlhbHMvMxABGhEKBHJhdGUSCQmamZmZmZnJPxoKCgRzaXplEgIQMmoGCIriz6oG');
INSERT INTO measurements (experiment, trial, position, step, superseded, has_checkpoint, message)
  VALUES ('tuned', 1, 1, 1, 0, 0, 'CAEQZCIOCgNhdWMRMzMzMzMz4z8wAUIGCJXiz6oG');
INSERT INTO measurements (experiment, trial, position, step, superseded, has_checkpoint, message)
  VALUES ('tuned', 1, 2, 2, 0, 0, 'CAIQyAEiDgoDYXVjEWZmZmZmZuY/MAFCBgiW4s+qBg==');
INSERT INTO measurements (experiment, trial, position, step, superseded, has_checkpoint, message)
  VALUES ('tuned', 1, 3, 3, 0, 0, 'CAMQrAIiDgoDYXVjEZqZmZmZmek/MAFCBgiX4s+qBg==');
INSERT INTO measurements (experiment, trial, position, step, superseded, has_checkpoint, message)
  VALUES ('tuned', 2, 1, 1, 0, 1, 'CAEQZCIOCgNhdWMRMzMzMzMz6z8qEWZpbGU6Ly8vdHVuZWQvMi8xMAFCBgiV4s+qBg==');
INSERT INTO measurements (experiment, trial, position, step, superseded, has_checkpoint, message)
  VALUES ('tuned', 2, 2, 2, 1, 0, 'CAIQyAEiDgoDYXVjEZqZmZmZmbk/MAFCBgiW4s+qBg==');
INSERT INTO measurements (experiment, trial, position, step, superseded, has_checkpoint, message)
  VALUES ('tuned', 2, 3, 2, 0, 0, 'CAIQyAEiDgoDYXVjEc3MzMzMzOw/MAJCBgiW4s+qBg==');
INSERT INTO events (seq, experiment, trial) VALUES (1, 'done', 0);
INSERT INTO events (seq, experiment, trial) VALUES (2, 'done', 1);
INSERT INTO events (seq, experiment, trial) VALUES (3, 'done', 2);
INSERT INTO events (seq, experiment, trial) VALUES (4, 'done', 0);
INSERT INTO events (seq, experiment, trial) VALUES (5, 'tuned', 0);
INSERT INTO events (seq, experiment, trial) VALUES (6, 'tuned', 1);
INSERT INTO events (seq, experiment, trial) VALUES (7, 'tuned', 2);
INSERT INTO events (seq, experiment, trial) VALUES (8, 'tuned', 1);
INSERT INTO events (seq, experiment, trial) VALUES (9, 'tuned', 3);
INSERT INTO events (seq, experiment, trial) VALUES (10, 'tuned', 2);
INSERT INTO events (seq, experiment, trial) VALUES (11, 'tuned', 0);
INSERT INTO sda_replies (request_id, method, payload_sha256, reply, scope, created_at)
  VALUES ('acquire-two', 'AcquireTrial', '1aba4e3c6fe2c2cff403623422b3e9bf9443c977004aa5c12226ff6554e01de2',
  'CAESIAoaZXhwZXJpbWVudHMvdHVuZWQvdHJpYWxzLzIQAjACGjQKGmV4cGVyaW1lbnRzL3R1bmVkL3RyaWFscy8yEAIaDHRva2VuLW9mLXR3byICCDwqAggP',
  'experiments/tuned', 1700000015000000);
