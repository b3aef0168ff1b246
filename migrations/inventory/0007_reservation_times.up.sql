-- When a reservation was confirmed and when it ended, each for the first time. An auditor needs both: in the end every reservation is
-- released or committed, and its status no longer tells whether OrderCreated had its effect.
--
-- Of the reservations that are there already neither is known: they count as confirmed at the epoch. The default is a constant, so
-- that no row is rewritten, and is gone before the next row is inserted.
alter table reservations
    add column first_confirmed_at timestamptz default 'epoch',
    add column first_ended_at timestamptz;
alter table reservations alter column first_confirmed_at drop default;

-- The database notes them, not the service: the previous release, which runs beside this one during a rollout, does not know the
-- columns, and an auditor should not have to rely on the code that it audits.
create function note_reservation_times() returns trigger language plpgsql as $$
begin
    if new.status = 'confirmed' then
        new.first_confirmed_at := coalesce(new.first_confirmed_at, now());
    elsif new.status in ('released', 'committed', 'expired') then
        new.first_ended_at := coalesce(new.first_ended_at, now());
    end if;
    return new;
end
$$;
create trigger reservation_times before insert or update of status on reservations
    for each row when (new.status <> 'held') execute function note_reservation_times();
