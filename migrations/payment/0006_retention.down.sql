comment on table ledger_entries is null;
comment on table balances is null;
comment on table direct_payments is null;
comment on table payments is null;
comment on table leases is null;
comment on table inbox is null;
