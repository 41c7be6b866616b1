"""
Reports how relay is doing, to operators and to systemd.

health       whether events can be stored and lanes run, for ``/readyz`` and systemd's watchdog
sink_status  the state of each sink, for metrics, the page and ``relay sinks``
metrics      the counters and gauges of ``/metrics``
null_metrics stands in for them without ``web:``
rolling      the last hour of each sink, for the page
changes      notifies open pages
systemd      the protocol of ``sd_notify``
"""
