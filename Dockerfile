# docker build -t ioi .
# docker run --rm -v ./models:/models -v ./work:/work ioi eval --model embedded --count 200
FROM swift:6.1-bookworm AS build
# What building needs, in a layer of its own.
COPY Scripts/setup.sh /tmp/
RUN bash -eu /tmp/setup.sh
WORKDIR /src
COPY . .
RUN Scripts/install.sh --destdir /tree

FROM debian:bookworm-slim
# oneDNN is optional: matrix products are about twice as fast with it on processors with AVX-512.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libopenblas0 liblapacke libdnnl2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /tree/usr/local /usr/local
# gpt2 and other names are looked for in /models; results, runs and ./runs are in /work.
ENV IOI_MODELS=/models
VOLUME ["/models", "/work"]
WORKDIR /work
ENTRYPOINT ["ioi"]
