-- The message as it is in the topic: it is decoded where it is read, which few messages ever are. Null in the records of earlier versions,
-- which have the decoded message in `payload`.
alter table timeline add column encoded bytea, alter column payload set default 'null';
