-- What the provider has said of a charge or refund that is not over: its ids, and how often a refund was requested.

-- The provider's id of a charge is kept as soon as it is known, also while the charge is pending.
alter table payments drop constraint payments_check2;
alter table payments add constraint payments_charge_reference
    check (provider_reference is not null or status not in ('succeeded', 'refunding', 'refunded')) not valid;

-- The number of the latest request to refund the charge. A request that fails is followed by the next one, under another key.
alter table payments add column refund_number integer not null default 1 check (refund_number > 0);
-- The provider's id of the refund that this request made, while it is pending.
alter table payments add column refund_reference text;
