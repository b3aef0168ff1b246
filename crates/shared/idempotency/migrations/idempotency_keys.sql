create table idempotency_keys (
    -- Who owns the key, such as a user's id. Keys of two scopes never meet.
    scope text not null check (length(scope) <= 255),
    key text not null check (length(key) between 1 and 255),
    -- The SHA-256 of the request.
    request bytea not null,
    -- JSON. Not jsonb, which reorders fields and refuses \u0000. Null only within the transaction that claims the key.
    response text check (octet_length(response) <= 65536),
    created_at timestamptz not null default now(),
    primary key (scope, key)
);
create index idempotency_keys_created_at on idempotency_keys (created_at);
