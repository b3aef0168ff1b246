-- Users whose identity is checked. Personal data is in the table profiles alone.
create table customers (
    -- The user's.
    uuid uuid primary key,
    kyc_status text not null check (kyc_status in ('KYC_PENDING', 'VERIFIED', 'REJECTED', 'ERASED')),
    -- Counts the changes from 1; a change is written only to the version that was read.
    version bigint not null check (version > 0),
    reason text check (reason in ('KYC_REFUSED', 'KYC_ROLLED_BACK', 'KYC_REVOKED')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- The personal data of customers: blank for an erased one.
create table profiles (
    customer_uuid uuid primary key references customers,
    -- Name, address and date of birth.
    profile jsonb,
    -- The verified data, while the checker is asked about newer.
    kept jsonb,
    -- What the checker or an operator said about the last decision; it may name a person.
    words text check (char_length(words) between 1 and 500),
    check (kept is null or profile is not null)
);

-- What each version of a customer was.
create table customer_versions (
    customer_uuid uuid not null references customers,
    version bigint not null check (version > 0),
    kyc_status text not null check (kyc_status in ('KYC_PENDING', 'VERIFIED', 'REJECTED', 'ERASED')),
    reason text check (reason in ('KYC_REFUSED', 'KYC_ROLLED_BACK', 'KYC_REVOKED')),
    created_at timestamptz not null default now(),
    primary key (customer_uuid, version)
);

-- The steps of the saga: a row before the checker is asked about a version, its outcome after.
create table kyc_checks (
    customer_uuid uuid not null references customers,
    -- The version whose profile is checked.
    version bigint not null,
    outcome text check (outcome in ('APPROVED', 'REFUSED')),
    tries integer not null default 0,
    next_try_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    decided_at timestamptz,
    primary key (customer_uuid, version),
    check ((outcome is null) = (decided_at is null))
);
create index kyc_checks_undecided on kyc_checks (next_try_at) where outcome is null;

-- Loans that programs outside have approved, also for users who are no customers yet.
create table loans (
    loan_id text primary key check (char_length(loan_id) between 1 and 64),
    customer_uuid uuid not null,
    -- Minor units.
    amount bigint not null check (amount > 0),
    status text not null check (status in ('held', 'crediting', 'credited', 'refused')),
    -- The customer's version that decided. None for a held loan, and for one whose hold ended without a customer.
    customer_version bigint,
    -- As the program outside says.
    approved_at timestamptz,
    received_at timestamptz not null default now(),
    decided_at timestamptz,
    credited_at timestamptz,
    tries integer not null default 0,
    next_try_at timestamptz not null default now(),
    check ((status = 'held') = (decided_at is null)),
    check ((status = 'credited') = (credited_at is not null)),
    check (status not in ('crediting', 'credited') or customer_version is not null)
);
create index loans_of_customer on loans (customer_uuid, received_at, loan_id);
create index loans_held on loans (received_at) where status = 'held';
create index loans_crediting on loans (next_try_at) where status = 'crediting';

comment on table customers is 'Rows stay for ever: one per customer; an erased one keeps its version.';
comment on table profiles is 'Rows stay for ever: one per customer. EraseCustomer blanks its row.';
comment on table customer_versions is 'Rows stay for ever: the books.';
comment on table kyc_checks is 'Rows stay for ever: the books.';
comment on table loans is 'Rows stay for ever: the books.';
