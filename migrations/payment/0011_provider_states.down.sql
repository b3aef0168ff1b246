alter table payments drop column refund_reference;
alter table payments drop column refund_number;
update payments set provider_reference = null where provider_reference is not null and status in ('pending', 'declined');
alter table payments drop constraint payments_charge_reference;
alter table payments add constraint payments_check2
    check ((status in ('succeeded', 'refunding', 'refunded')) = (provider_reference is not null));
