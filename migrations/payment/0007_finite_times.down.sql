alter table payments drop constraint payments_finite;
