"""Dashboard: renders Grafana dashboards (their JSON) in the browser from Prometheus. It is not Grafana.

`library` finds dashboards, `templating` fills in their variables, `panels` asks Prometheus and says what each panel
shows, `view` puts a whole dashboard together, `app` serves it. The page in ``static`` only draws. Notebooks use the
same parts up to `view` and draw with matplotlib.
"""
