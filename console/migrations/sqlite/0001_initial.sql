-- Everything that flintd keeps. Times are milliseconds since 1970. Written so that the PostgreSQL twin differs in
-- types only (INTEGER -> BIGINT, BLOB -> BYTEA); no query uses what only SQLite has.

CREATE TABLE person (
    jid TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);

-- "group" is a reserved word, so these are teams in the database.
CREATE TABLE team (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    rank INTEGER NOT NULL
);

CREATE TABLE team_member (
    team TEXT NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    jid TEXT NOT NULL,
    PRIMARY KEY (team, jid)
);
CREATE INDEX team_member_jid ON team_member (jid);

-- Each version holds all settings, so that one version is one row, a revert is a copy, and a difference needs two rows.
CREATE TABLE policy_version (
    version INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    settings TEXT NOT NULL
);

CREATE TABLE client (
    jid TEXT NOT NULL PRIMARY KEY,
    person TEXT NOT NULL,
    device TEXT NOT NULL,
    version TEXT NOT NULL,
    applied INTEGER NOT NULL,
    online INTEGER NOT NULL,
    seen INTEGER NOT NULL
);
CREATE INDEX client_person ON client (person);

CREATE TABLE session (
    token BLOB NOT NULL PRIMARY KEY,
    who TEXT NOT NULL,
    csrf TEXT NOT NULL,
    expires INTEGER NOT NULL
);

CREATE TABLE one_time_password (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    expires INTEGER NOT NULL
);

CREATE TABLE audit (
    id INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    detail TEXT NOT NULL
);

CREATE TABLE workgroup (
    name TEXT NOT NULL PRIMARY KEY,
    config TEXT NOT NULL
);

-- The journal of the workgroup service.
CREATE TABLE journal (
    id INTEGER NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
);

CREATE TABLE chat (
    session TEXT NOT NULL PRIMARY KEY,
    workgroup TEXT NOT NULL,
    customer TEXT NOT NULL,
    joined INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER,
    summary TEXT NOT NULL
);
CREATE INDEX chat_joined ON chat (workgroup, joined);
CREATE INDEX chat_customer ON chat (customer);

CREATE TABLE chat_agent (
    session TEXT NOT NULL REFERENCES chat (session) ON DELETE CASCADE,
    agent TEXT NOT NULL,
    PRIMARY KEY (session, agent)
);
CREATE INDEX chat_agent_agent ON chat_agent (agent);

-- A line can arrive before its chat's summary, so it does not refer to it.
CREATE TABLE chat_line (
    id INTEGER NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    line TEXT NOT NULL,
    folded TEXT NOT NULL
);
CREATE INDEX chat_line_session ON chat_line (session, id);

CREATE TABLE chat_note (
    session TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL
);

CREATE TABLE agent_macro (
    agent TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL
);
