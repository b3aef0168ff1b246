drop table resolved_letters;
