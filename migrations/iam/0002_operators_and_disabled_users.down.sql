drop index users_operators;
alter table users
    drop constraint users_disabled,
    drop column operator_since,
    drop column disabled_at,
    drop column disabled_reason,
    drop column disabled_by;
