"""`{{ ticket.date|thai_date }}`, `{{ slot|thai_time }}`: see booking/thai.py for what each one says."""

from django import template

from booking import thai

register = template.Library()

register.filter("thai_date", thai.long_date)
register.filter("thai_short_date", thai.short_date)
register.filter("thai_weekday", thai.weekday)
register.filter("thai_weekday_short", thai.weekday_short)
register.filter("thai_month", thai.month)
register.filter("thai_month_name", thai.month_name)
register.filter("thai_time", thai.clock)
register.filter("thai_moment", thai.moment)
register.filter("thai_until", thai.until)
