import json


def test_it(airflow, played):
    print(airflow.took, airflow.memory() / 1e6, airflow.import_errors())
    import pathlib

    pathlib.Path("/tmp/x/played.json").write_text(
        json.dumps({k: {**v, "modes": list(v["modes"])} for k, v in played.items()}, indent=1)
    )
