-- Why payment refused to credit a loan for good, such as BALANCE_TOO_LARGE.
alter table loans add column reason text
    check (reason is null or status = 'refused' and char_length(reason) between 1 and 100);
