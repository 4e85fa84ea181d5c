-- One file per account. Times are milliseconds since the epoch, UTC.

create table conversation (
    id           integer primary key,
    kind         integer not null check (kind in (0, 1)),   -- 0 person, 1 room
    jid          text    not null,
    title        text,
    first_unread text,
    unread       integer not null default 0,
    pinned       integer not null default 0,
    joined       integer not null default 0,
    draft        text,
    unique (kind, jid)
) strict;

create table message (
    id           integer primary key,
    message_id   text    not null unique,
    conversation integer not null references conversation (id),
    sender_name  text    not null,
    sender       text,
    at           integer not null,
    sort         integer not null,
    delivery     integer check (delivery between 0 and 5),  -- null = incoming; 0 queued … 4 read, 5 failed
    failure      text,
    body         text    not null,
    stanza_id    text,
    wire_id      text
) strict;

create unique index message_stanza_id on message (conversation, stanza_id) where stanza_id is not null;
create index message_sort on message (conversation, sort);
create index message_at on message (at);
create index message_outbox on message (sort) where delivery in (0, 1);

create virtual table message_search using fts5 (
    body,
    content = 'message',
    content_rowid = 'id',
    tokenize = 'unicode61 remove_diacritics 2',
    prefix = '2 3'
);
-- What retention deletes leaves no copy in the index.
insert into message_search (message_search, rank) values ('secure-delete', 1);

create trigger message_inserted after insert on message begin
    insert into message_search (rowid, body) values (new.id, new.body);
end;
create trigger message_deleted after delete on message begin
    insert into message_search (message_search, rowid, body) values ('delete', old.id, old.body);
end;
create trigger message_updated after update of body on message when old.body is not new.body begin
    insert into message_search (message_search, rowid, body) values ('delete', old.id, old.body);
    insert into message_search (rowid, body) values (new.id, new.body);
end;

create table roster (
    jid          text primary key,
    name         text,
    groups       text    not null,                           -- JSON array
    subscription integer not null check (subscription between 0 and 3),
    asked        integer not null
) strict;

create table archive (
    jid  text primary key,                                   -- '' = own account
    last text not null
) strict;

create table setting (
    name  text primary key,
    value text not null
) strict;
