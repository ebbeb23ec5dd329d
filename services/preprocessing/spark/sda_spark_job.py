"""What spark-submit runs; everything else is in the package sda_spark, which `sda` ships with --py-files.

usage: sda_spark_job.py ROOT STAGING    (docs/spark.md)
"""

import sys

from sda_spark.job import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
