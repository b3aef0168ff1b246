-- As in 0007: of the reservations that are there already the time is not known, and they count as confirmed at the epoch.
alter table reservations add column first_confirmed_at timestamptz default 'epoch';
alter table reservations alter column first_confirmed_at drop default;

drop trigger reservation_times on reservations;
create or replace function note_reservation_times() returns trigger language plpgsql as $$
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
