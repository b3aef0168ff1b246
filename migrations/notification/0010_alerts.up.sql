create table alerts (
    fingerprint text not null,
    status text not null check (status in ('firing', 'resolved')),
    starts_at timestamptz not null,
    -- Until then one replica sends it, and others wait.
    claimed_until timestamptz not null,
    -- The messenger did not answer an attempt, so it may have arrived.
    unanswered boolean not null default false,
    sent_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (fingerprint, status, starts_at)
);
comment on table alerts is
    'One row per report of Alertmanager, so that each is sent once. Removed by the job "alerts" of the notification service, once it is '
    'older than the topics keep their records and a day more.';
