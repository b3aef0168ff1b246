drop trigger reservation_times on reservations;
drop function note_reservation_times;
alter table reservations drop column first_confirmed_at, drop column first_ended_at;
