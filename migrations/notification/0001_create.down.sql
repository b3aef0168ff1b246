drop table alerts;
drop table bot_offsets;
drop table notifications;
