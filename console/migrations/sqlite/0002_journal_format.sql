-- Which form the records of the journal have. An older flintd must not guess at what a newer one wrote.
CREATE TABLE journal_format (
    version BIGINT NOT NULL
);
INSERT INTO journal_format (version) VALUES (1);
