-- Only the first end of a reservation is still noted: an auditor looks whether it expired while its order existed. When it was confirmed
-- mattered as long as each order's first event confirmed it.
drop trigger reservation_times on reservations;
create or replace function note_reservation_times() returns trigger language plpgsql as $$
begin
    new.first_ended_at := coalesce(new.first_ended_at, now());
    return new;
end
$$;
create trigger reservation_times before insert or update of status on reservations
    for each row when (new.status in ('released', 'committed', 'expired')) execute function note_reservation_times();

alter table reservations drop column first_confirmed_at;
