-- Programs decide which kinds they can render: a replica skips the rows of kinds that it does not know, so that a new kind needs no migration.
alter table notifications drop constraint notifications_kind_check;
