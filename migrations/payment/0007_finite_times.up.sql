-- What the program cannot read. Only rows by hand have such times.
update payments
set created_at = case when isfinite(created_at) then created_at else now() end,
    updated_at = case when isfinite(updated_at) then updated_at else now() end
where not (isfinite(created_at) and isfinite(updated_at));
-- The rows that exist were mended, so that they need no look.
alter table payments add constraint payments_finite check (isfinite(created_at) and isfinite(updated_at)) not valid;
