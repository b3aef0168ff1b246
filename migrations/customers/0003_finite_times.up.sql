-- What the program cannot read. Only rows by hand have such times.
update customers
set created_at = case when isfinite(created_at) then created_at else now() end,
    updated_at = case when isfinite(updated_at) then updated_at else now() end
where not (isfinite(created_at) and isfinite(updated_at));
update loans set received_at = now() where not isfinite(received_at);
-- The rows that exist were mended, so that they need no look.
alter table customers add constraint customers_finite check (isfinite(created_at) and isfinite(updated_at)) not valid;
alter table loans add constraint loans_finite check (isfinite(received_at)) not valid;
